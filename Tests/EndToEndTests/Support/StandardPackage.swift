// The package that most tests mount: two disks, a file beside them, a manifest.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `appliance.ova` and what its disks must decode to.
struct StandardPackage {
    /// The archive.
    let path: String
    /// A folder with the members as files.
    let members: String
    /// The raw disks that the images were made from, by their names in the mount.
    let references: [String: String]

    static let memberNames = [
        "appliance.ovf", "appliance.mf", "appliance-disk1.vmdk", "appliance-disk2.vmdk", "notes.txt",
    ]
    static let first = "appliance-disk1.raw"
    static let second = "appliance-disk2.raw"

    /// Where the file system of the first disk starts, and its size, in bytes.
    static let partition = (start: 1 << 20, byteCount: 12 << 20)
    /// The data of the second disk, whose size is no multiple of a grain.
    static let secondByteCount = (6 << 20) + 1536
    static let secondData = [
        0..<70_000, (1 << 20)..<(1 << 20) + 65536, (4 << 20) + 5..<(4 << 20) + 200_000,
        (6 << 20) + 100..<(6 << 20) + 1536,
    ]

    /// The reference of the first and of the second disk.
    var firstReference: String { references[Self.first] ?? "" }
    var secondReference: String { references[Self.second] ?? "" }

    /// Makes it in a test's folder.
    ///
    /// - Throws: when one of the programs that make it fails.
    init(in folder: TestFolder) throws {
        members = try folder.makeFolder("members")
        let firstReference = folder("disk1.raw")
        let secondReference = folder("disk2.raw")

        // A partition table and an ext4 with files: text, noise, and a file that is mostly a hole.
        let content = try folder.makeFolder("content/docs")
        var random = SeededRandom(seed: 7)
        try Data(random.bytes(700_000)).write(to: URL(fileURLWithPath: content + "/noise.bin"))
        try shell("seq 100000 > $1/numbers.txt; echo web > $1/../hostname", content)
        try shell(
            """
            truncate --size=24M "$1"
            echo 'start=2048, size=24576, type=83' | sfdisk --quiet --label dos "$1"
            truncate --size=12M "$2"
            mkfs.ext4 -q -F -b 1024 -d "$3" "$2"
            dd if="$2" of="$1" bs=1M seek=1 conv=notrunc,sparse status=none
            """, firstReference, folder("part.raw"), folder("content"))
        try Fixtures.rawDisk(secondReference, byteCount: Self.secondByteCount, data: Self.secondData)

        try Fixtures.vmdk(firstReference, to: members + "/appliance-disk1.vmdk")
        try Fixtures.vmdk(secondReference, to: members + "/appliance-disk2.vmdk")
        try folder.write("A note.\n", to: "members/notes.txt")
        let text = descriptor(
            files: [
                ReferencedFile(id: "file1", href: "appliance-disk1.vmdk"),
                ReferencedFile(id: "file2", href: "appliance-disk2.vmdk"),
                ReferencedFile(id: "file3", href: "notes.txt"),
            ],
            disks: [
                ListedDisk(
                    id: "vmdisk1", file: "file1",
                    capacity: "\"24\" ovf:capacityAllocationUnits=\"byte * 2^20\""),
                ListedDisk(id: "vmdisk2", file: "file2", capacity: "\"\(Self.secondByteCount)\""),
            ])
        try folder.write(text, to: "members/appliance.ovf")
        try Fixtures.manifest(
            "appliance.mf", of: Self.memberNames.filter { $0 != "appliance.mf" }, in: members)
        path = folder("appliance.ova")
        try Fixtures.tar(Self.memberNames, in: members, to: path)
        references = [Self.first: firstReference, Self.second: secondReference]
    }
}

/// Makes the standard package, mounts it, and runs a test on it.
func withStandardMount(
    options: String = "", _ body: (StandardPackage, Mount, TestFolder) throws -> Void
) throws {
    try withTestFolder { folder in
        let package = try StandardPackage(in: folder)
        try withMount(of: package.path, in: folder, options: options) { mount in
            try body(package, mount, folder)
        }
    }
}
