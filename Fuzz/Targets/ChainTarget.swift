// Disks that build on other files.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage

/// Takes the bytes as an archive: its first member is opened as a disk, the others are the files beside it.
enum ChainTarget {
    static func run(_ bytes: [UInt8]) {
        guard let index = try? TarIndex(scanning: MemorySource(bytes), budget: OpeningBudget()),
            let first = index.members.first
        else { return }
        let files = Files(members: index.members)
        for isLenient in [false, true] {
            let cache = ClusterCache(byteLimit: 32 << 20)
            let options = DiskImageOpener.Options(lenient: isLenient, budget: OpeningBudget())
            guard
                let layers = try? ChainOpener.open(
                    first.source, named: "disk", key: FileKey([0]), in: cache, options: options,
                    neighbours: files)
            else { continue }
            let disk = GuestDisk(layers, cache: cache)
            _ = disk.otherFiles
            ImageTarget.read(disk)
        }
    }

    private struct Files: NeighbourFiles {
        let members: [PackageMember]

        func file(named name: [UInt8]) -> NeighbourFile? {
            members.firstIndex { $0.name == name }.map { index in
                NeighbourFile(
                    members[index].source, named: String(decoding: name, as: UTF8.self),
                    key: FileKey([UInt64(index)]))
            }
        }

        func names(atMost limit: Int) -> [[UInt8]] { members.prefix(limit).map(\.name) }
    }
}
