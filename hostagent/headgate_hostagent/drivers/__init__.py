"""What reads and changes the machine: Open vSwitch's database and the kernel's devices."""
