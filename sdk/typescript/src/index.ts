/**
 * A client of Headgate for Node.js: the generated services over gRPC, and what every program would write around them.
 *
 * The messages and services of each kind are in "@headgate/client/v1/vpc" and so on.
 */
import { create, createRegistry, type Message, type Registry } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Interceptor, type Transport, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { files } from "./gen/files.js";
import { type AwaitRealisedResponse, IntentService, type WatchResponse, WatchResponseSchema } from "./gen/headgate/v1/intent_pb.js";

export interface Options {
  /** Where controllers listen, for example "https://controller.example:7443"; the first that answers is used. */
  endpoints: string[];
  /** The token to identify by. */
  token?: string;
  /** Certificates of the authorities to trust, in PEM; without it those of the system. */
  ca?: string | Buffer;
}

/** Every message of the API, by which a packed one is unpacked. */
export const registry: Registry = createRegistry(...files);

/** A transport for `createClient`; until it is closed, its connection keeps the program from ending. */
export interface Connection extends Transport {
  close(): void;
}

/** Returns a connection; nothing is dialled before the first call. */
export function connect(options: Options): Connection {
  if (options.endpoints.length === 0) {
    throw new Error('No endpoint: give at least one, for example "http://localhost:7443".');
  }
  const interceptors = options.token ? [bearing(options.token)] : [];
  const tls = options.ca ? { ca: options.ca } : {};
  const sessions = options.endpoints.map((endpoint) => new Http2SessionManager(endpoint, {}, tls));
  const transports = sessions.map((sessionManager) =>
    createGrpcTransport({ baseUrl: sessionManager.authority, interceptors, sessionManager }),
  );
  return new Failover(transports, () => sessions.forEach((session) => session.abort()));
}

/** Returns when the data plane agrees with a resource, or after `seconds` with what is missing. */
export function awaitRealised(transport: Transport, name: string, seconds = 60): Promise<AwaitRealisedResponse> {
  const deadline = { seconds: BigInt(seconds), nanos: 0 };
  return createClient(IntentService, transport).awaitRealised({ name, deadline });
}

/**
 * Yields every change of the resources whose names begin with `namePrefix`, from `afterRevision` on (0: all that there
 * is first), for ever. While no controller answers it waits, and then goes on where it was; nothing is left out. A mark,
 * which has no name, says that everything up to its revision has been yielded. If the controller's log reaches no longer
 * back, a watch from 0 tells everything again, then what is gone; one from a revision throws.
 */
export async function* watch(
  transport: Transport,
  namePrefix = "",
  afterRevision = 0n,
  signal?: AbortSignal,
): AsyncGenerator<WatchResponse> {
  const intent = createClient(IntentService, transport);
  const there = afterRevision === 0n ? new Set<string>() : undefined;
  let told = new Set<string>();
  for (let revision = 0n, seen = afterRevision, wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    let unseen = new Set(seen === 0n ? there : []);
    try {
      for await (const change of intent.watch({ namePrefix, afterRevision: seen }, { signal })) {
        if (change.name === "") {
          for (const name of unseen) {
            there?.delete(name);
            yield create(WatchResponseSchema, { revision: change.revision, name });
          }
          unseen = new Set();
        } else {
          unseen.delete(change.name);
          if (change.resource) {
            there?.add(change.name);
          } else {
            there?.delete(change.name);
          }
        }
        wait = FIRST_WAIT;
        // A stream may break off within a revision, and the first sight of everything is not in their order: only a mark,
        // or a later revision, says that one is complete. What was told of one that is not comes again.
        if (change.name === "") {
          [seen, revision] = [change.revision, 0n];
        } else if (seen !== 0n) {
          if (change.revision !== revision) {
            [seen, revision, told] = [change.revision - 1n, change.revision, new Set()];
          }
          if (told.has(change.name)) {
            continue;
          }
          told.add(change.name);
        }
        yield change;
      }
    } catch (error) {
      const { code } = ConnectError.from(error);
      if (code === Code.OutOfRange && there && seen !== 0n) {
        seen = 0n;
        continue;
      }
      if (code !== Code.Unavailable) {
        throw error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Returns the resource in a change or a batch's answer; undefined if it is gone, or of a kind that this release does not know. */
export function resourceOf(packed: Any | undefined): Message | undefined {
  return packed && anyUnpack(packed, registry);
}

const FIRST_WAIT = 100; // milliseconds
const LONGEST_WAIT = 5_000;

function bearing(token: string): Interceptor {
  return (next) => (request) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}

/** Returns what gives the messages of an input, which can be read once, again and again. */
async function repeatable<T>(input: AsyncIterable<T>): Promise<() => AsyncIterable<T>> {
  const messages: T[] = [];
  for await (const message of input) {
    messages.push(message);
  }
  return async function* () {
    yield* messages;
  };
}

/** Asks the controllers in turn, beginning with the one that answered last. */
class Failover implements Connection {
  private current = 0;

  constructor(
    private readonly transports: Transport[],
    readonly close: () => void,
  ) {}

  unary: Transport["unary"] = (...call) => this.first((transport) => transport.unary(...call));

  stream: Transport["stream"] = async (method, signal, timeoutMs, header, input, contextValues) => {
    const sent = method.methodKind === "server_streaming" ? await repeatable(input) : () => input;
    return this.first((transport) => transport.stream(method, signal, timeoutMs, header, sent(), contextValues));
  };

  private async first<T>(ask: (transport: Transport) => Promise<T>): Promise<T> {
    for (let left = this.transports.length - 1; ; left--) {
      try {
        return await ask(this.transports[this.current]!);
      } catch (error) {
        if (left === 0 || ConnectError.from(error).code !== Code.Unavailable) {
          throw error;
        }
        this.current = (this.current + 1) % this.transports.length;
      }
    }
  }
}
