// Opening an appliance: what is it, by content?
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage

extension Appliance {
    /// Opens a package or a disk image. All that can fail before the first read of a disk fails here.
    package static func open(
        _ source: ApplianceSource, options: ApplianceOptions
    ) throws(ApplianceError) -> Appliance {
        let resources = try DiskResources(options)
        do throws(ApplianceError) {
            switch source {
            case .file(let file, let name, let modificationTime):
                let metered = MeteredSource(file, countedBy: resources.meter)
                if try isArchive(metered, named: name) {
                    return try open(archive: metered, named: name, options: options, resources: resources)
                }
                return try open(
                    image: metered, name: name, modificationTime: modificationTime, options: options,
                    resources: resources)
            case .folder(let folder, let descriptorName):
                return try open(
                    folder: folder, descriptorName: descriptorName, options: options, resources: resources)
            }
        } catch {
            resources.prefetcher?.stop()
            throw error
        }
    }

    private static func isArchive(
        _ source: any ByteSource, named name: [UInt8]
    ) throws(ApplianceError) -> Bool {
        do throws(ReadError) {
            return TarIndex.isArchive(firstBlock: try source.bytes(Int(min(512, source.byteCount)), at: 0))
        } catch {
            throw ApplianceError(error, in: String(displaying: name))
        }
    }
}
