// Disks of several files, and disks with partitions.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

enum ChainSeeds {
    /// Archives whose first member is a disk, and the others what it builds on.
    static let archives: [[UInt8]] = {
        let sparse = MonolithicSparseBuilder(GrainContent.mixed(6)).build().bytes
        let flat = [UInt8](repeating: 0x5a, count: 20 * 512)
        let sectors = 6 * 16
        let parts = """
            # Disk DescriptorFile
            version=1
            CID=00000001
            parentCID=ffffffff
            createType="twoGbMaxExtentSparse"
            RW 20 FLAT "flat" 0
            RW \(sectors) SPARSE "s.vmdk"
            RW 8 ZERO

            """
        let delta = """
            # Disk DescriptorFile
            version=1
            CID=00000002
            parentCID=00000001
            parentFileNameHint="base.vmdk"
            createType="monolithicSparse"
            RW \(sectors) SPARSE "d.vmdk"
            ddb.adapterType = "ide"

            """
        var child = MonolithicSparseBuilder([.absent, .text, .zeros, .absent, .absent, .noise])
        child.descriptor = delta
        var base = MonolithicSparseBuilder(GrainContent.mixed(6))
        base.descriptor = """
            # Disk DescriptorFile
            version=1
            CID=00000001
            parentCID=ffffffff
            createType="monolithicSparse"
            RW \(sectors) SPARSE "base.vmdk"

            """
        let backing = QCOWBuilder(QCOWClusterContent.mixedWithZeros(12)).build().bytes
        func overlay(_ format: String) -> [UInt8] {
            QCOWBuilder(QCOWClusterContent.mixedWithZeros(12)).with {
                $0.backingName = Array("base".utf8)
                $0.extensions = [(QCOWBuilder.formatExtension, Array(format.utf8))]
            }.build().bytes
        }
        let undo = VDIBuilder(GrainContent.mixed(12)).with {
            $0.type = 4
            $0.creation = [UInt8](repeating: 0xc2, count: 16)
            $0.parentCreation = [UInt8](repeating: 0xc1, count: 16)
            $0.parentModification = [UInt8](repeating: 0xd1, count: 16)
        }
        var differencing = VHDBuilder(.differencing, [.part, .absent, .whole])
        differencing.parentIdentifier = [UInt8](1...16)
        differencing.identifier = [UInt8](2...17)
        differencing.parentName = .utf16("base.vhd", highestByteFirst: true)
        differencing.locators = [("W2ru", .utf16(".\\base.vhd", highestByteFirst: false))]
        return [
            [("p.vmdk", Array(parts.utf8)), ("flat", flat), ("s.vmdk", sparse)],
            [("d.vmdk", child.build().bytes), ("base.vmdk", base.build().bytes)],
            [("o.qcow2", overlay("qcow2")), ("base", backing)],
            [("o.qcow2", overlay("raw")), ("base", flat)],
            [("u.vdi", undo.build().bytes), ("b.vdi", VDIBuilder(GrainContent.mixed(12)).build().bytes)],
            [
                ("d.vhd", differencing.build().bytes),
                ("base.vhd", VHDBuilder(.dynamic, [.whole, .part, .absent]).build().bytes),
            ],
        ].map(archive)
    }()

    private static func archive(_ files: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        var tar = TarBuilder()
        for file in files { tar.add(file.name, file.bytes) }
        tar.finish()
        return tar.bytes
    }

    /// Images of several formats, each with a disk that has a partition table.
    static let partitionedDisks: [[UInt8]] = Seeds.partitionTables.flatMap { disk in
        let grains = GrainContent.grains(of: disk, byteCount: 8_192)
        let clusters = GrainContent.grains(of: disk, byteCount: 512).map { content in
            content == .absent ? QCOWClusterContent.absent : .compressed(content)
        }
        return [
            MonolithicSparseBuilder(grains).build().bytes,
            StreamOptimizedBuilder(grains).build().bytes,
            VDIBuilder(GrainContent.grains(of: disk, byteCount: 4_096)).build().bytes,
            QCOWBuilder(clusters).build().bytes, disk,
        ]
    }
}
