"""What goes wrong on real machines, done to the real commands: kills, full disks, damaged files."""
