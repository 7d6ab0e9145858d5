// Opening a disk image by itself.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage

extension Appliance {
    /// Opens a file that is no archive: one disk. `content` is the file, decoded where it is compressed.
    static func open(
        image source: any ByteSource, decoded content: any ByteSource, name: [UInt8], modificationTime: Int64,
        neighbours: (any NeighbourFiles)?, options: ApplianceOptions, resources: DiskResources
    ) throws(ApplianceError) -> Appliance {
        let shownName = String(displaying: name)
        let disk: GuestDisk
        do throws(ReadError) {
            if !options.isLenient { try options.foresight?.waitABit(for: source) }
            disk = try resources.open(
                source, decoded: content, named: shownName,
                options: .init(lenient: options.isLenient, budget: resources.budget),
                neighbours: neighbours)
        } catch {
            throw ApplianceError(error)
        }
        return Appliance(
            package: nil,
            disks: [
                ApplianceDisk(
                    identifier: shownName, storedName: name, storedByteCount: source.byteCount,
                    modificationTime: modificationTime, content: .decoded(disk),
                    memberIndices: [], stored: source,
                    warnings: disk.findings,
                    rawPath: [RawPaths.name(ofImage: name)], copyName: RawPaths.name(ofImage: name))
            ],
            warnings: [], modificationTime: modificationTime, resources: resources)
    }
}
