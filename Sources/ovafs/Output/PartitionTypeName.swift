// What people call the types of partitions.
// SPDX-License-Identifier: Apache-2.0

/// Names for the types that most guests have.
enum PartitionTypeName {
    /// By what `info --json` has as `type`: the two digits of an MBR, or the GUID of a GPT.
    /// Spec: UEFI 2.10, 5.3.3; the Discoverable Partitions Specification; Microsoft, PARTITION_INFORMATION_GPT.
    private static let names: [String: String] = [
        "05": "Extended", "06": "FAT16", "07": "NTFS/exFAT", "0b": "FAT32", "0c": "FAT32 LBA",
        "0e": "FAT16 LBA", "0f": "Extended LBA", "82": "Linux swap", "83": "Linux", "8e": "Linux LVM",
        "a5": "FreeBSD", "ee": "GPT protective", "ef": "EFI System", "fd": "Linux RAID",
        "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": "EFI System",
        "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
        "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux filesystem",
        "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
        "e6d6d379-f507-44c2-a23c-238f2a3df928": "Linux LVM",
        "a19d880f-05fc-4d3b-a006-743f0f84911e": "Linux RAID",
        "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "Linux root (x86-64)",
        "b921b045-1df0-41c3-af44-4c6f280d3fae": "Linux root (ARM-64)",
        "bc13c2ff-59e6-4262-a352-b275fd6f7172": "Linux extended boot",
        "933ac7e1-2eb4-4f13-b844-0e14e2aef915": "Linux home",
        "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "Microsoft basic data",
        "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
        "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery",
    ]

    /// The type with its name, as `83 Linux`; of a GUID that has a name, the name alone.
    static func text(for type: String) -> String {
        guard let name = names[type.lowercased()] else { return type }
        return type.utf8.count == 2 ? "\(type) \(name)" : name
    }
}
