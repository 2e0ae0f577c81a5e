/** Makes a network, waits until the hosts have it, shows what changed, and removes it again: node dist/examples/network.js PROJECT ENDPOINT… */
import { createClient } from "@connectrpc/connect";
import { awaitRealised, connect, resourceOf, watch } from "../src/index.js";
import { IntentService } from "../src/gen/headgate/v1/intent_pb.js";
import { PortService } from "../src/gen/headgate/v1/port_pb.js";
import { SubnetService } from "../src/gen/headgate/v1/subnet_pb.js";
import { VpcService } from "../src/gen/headgate/v1/vpc_pb.js";

const [project, ...endpoints] = process.argv.slice(2);
const transport = connect({ endpoints, token: process.env["HEADGATE_TOKEN"] });
const vpc = `projects/${project}/vpcs/shop`;

await createClient(VpcService, transport).createVpc({ parent: `projects/${project}`, vpcId: "shop", vpc: { displayName: "Shop" } });
await createClient(SubnetService, transport).createSubnet({ parent: vpc, subnetId: "web", subnet: { cidr: "10.1.0.0/24" } });
const port = await createClient(PortService, transport).createPort({ parent: `${vpc}/subnets/web`, portId: "web1", port: {} });
console.log(`${port.name} has ${port.ip}`);
console.log(`realised: ${(await awaitRealised(transport, `${vpc}/subnets/web`, 20)).realised}`);

for await (const change of watch(transport, `projects/${project}/`)) {
  if (change.name === "") {
    break; // all that there is has been shown
  }
  console.log(`${change.name} is a ${resourceOf(change.resource)?.$typeName}`);
}

const names = [port.name, `${vpc}/subnets/web`, vpc];
await createClient(IntentService, transport).batch({
  mutations: names.map((name) => ({ action: { case: "delete" as const, value: { name } } })),
});
console.log("removed");
transport.close();
