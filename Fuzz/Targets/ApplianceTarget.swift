// Whole packages: from bytes to a tree, and what a reader of the mount does.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import FileTree

enum ApplianceTarget {
    /// Files that are read in a round; more would make rounds slow.
    private static let filesRead = 200
    /// A package is verified where its members are together no longer than this, in bytes.
    private static let mostBytesVerified: UInt64 = 16 << 20

    static func run(_ bytes: [UInt8]) {
        for isLenient in [false, true] {
            var options = ApplianceOptions()
            options.isLenient = isLenient
            options.cacheByteLimit = 8 << 20
            options.openingByteLimit = 64 << 20
            let source = ApplianceSource.file(
                MemorySource(bytes), name: Array("x.ova".utf8), modificationTime: 0)
            guard let appliance = try? Appliance.open(source, options: options) else { continue }
            _ = ApplianceSummary(of: appliance).json()
            if appliance.manifestByteCount <= mostBytesVerified,
                let results = appliance.checkManifest(threadCount: 1)
            {
                _ = VerificationReport(of: appliance, members: results, certificate: nil, disks: []).json()
            }
            let tree = try? ApplianceTree.make(
                for: appliance, showsControlDirectory: isLenient, liveStatistics: { [] })
            if let tree { walk(tree) }
        }
    }

    /// Does what find(1), getfattr(1) and head(1) would.
    private static func walk(_ tree: FileTree) {
        var readCount = 0
        for node in tree.nodes {
            _ = node.byteCount
            _ = node.allocatedByteCount
            for attribute in node.extendedAttributes.prefix(16) { _ = attribute.value() }
            switch node.content {
            case .directory(let directory):
                for entry in directory.listed {
                    precondition(tree.child(of: node.inode, named: entry.name)?.inode == entry.inode)
                }
            case .file(let source) where readCount < filesRead:
                readCount += 1
                ImageTarget.read(source)
            case .liveFile(let render): _ = render()
            case .file, .symbolicLink: break
            }
        }
    }
}
