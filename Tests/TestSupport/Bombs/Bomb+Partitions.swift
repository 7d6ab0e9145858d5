// Bombs that are partition tables.
// SPDX-License-Identifier: Apache-2.0

extension Bomb {
    static let partitions = [
        Bomb("disks times the partitions of their file") { size in
            let count = size(5_000)
            let files = (0..<count).map { "<File ovf:id=\"f\($0)\" ovf:href=\"d\($0).img\"/>" }
            let disks = (0..<count).map { "<Disk ovf:diskId=\"\($0)\" ovf:fileRef=\"f\($0)\"/>" }
            var disk = [UInt8](repeating: 0, count: 4 << 20)
            // Each partition reaches past the end, and overlaps all others.
            var table = PartitionTableBuilder.GPT(
                (0..<UInt64(size(4_096))).map { .init($0, .max, name: "partition \($0)") })
            table.entryCount = 4_096
            table.write(onto: &disk)
            return TarBuilder.package(
                BombDescriptor(files: files.joined(), disks: disks.joined()).text
            ) { tar in
                tar.add("d0.img", disk)
                for number in 1..<count { tar.add("d\(number).img", type: "1", link: "d0.img") }
            }
        },
        Bomb("disks times what their partition tables lead to") { size in
            let count = size(100)
            let files = (0..<count).map { "<File ovf:id=\"f\($0)\" ovf:href=\"d\($0).vmdk\"/>" }
            let disks = (0..<count).map { "<Disk ovf:diskId=\"\($0)\" ovf:fileRef=\"f\($0)\"/>" }
            let image = chain(of: size(1_000))
            return TarBuilder.package(
                BombDescriptor(files: files.joined(), disks: disks.joined()).text
            ) { tar in
                for number in 0..<count { tar.add("d\(number).vmdk", image) }
            }
        },
    ]

    /// A streamOptimized image with grains of 64 KiB, each of which has one record of a chain of logical partitions.
    private static func chain(of count: Int) -> [UInt8] {
        let sectorsPerGrain = 128
        let container: (type: UInt8, start: UInt32, count: UInt32) = (
            5, UInt32(sectorsPerGrain), UInt32(count * sectorsPerGrain)
        )
        var grains = [GrainContent.bytes(PartitionTableBuilder.bootRecord([container]))]
        for index in 1...count {
            let link = UInt32(index * sectorsPerGrain)
            grains.append(.bytes(PartitionTableBuilder.bootRecord([(0x83, 1, 1), (5, link, 1)])))
        }
        var builder = StreamOptimizedBuilder(grains)
        builder.grainSizeInSectors = sectorsPerGrain
        return builder.build().bytes
    }
}
