// Opening an appliance: what is it, by content?
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CompressedSources
import DiskImages
import OVFPackage
import SystemPackage

extension Appliance {
    /// Opens a package or a disk image. All that can fail before the first read of a disk fails here.
    package static func open(
        _ source: ApplianceSource, options: ApplianceOptions
    ) throws(ApplianceError) -> Appliance {
        var resources = try DiskResources(options)
        do throws(ApplianceError) {
            let appliance = try open(source, options: options, resources: &resources)
            if let loss = appliance.openingLoss { throw ApplianceError(loss) }
            return appliance
        } catch {
            resources.stopThreads()
            throw error
        }
    }

    private static func open(
        _ source: ApplianceSource, options: ApplianceOptions, resources: inout DiskResources
    ) throws(ApplianceError) -> Appliance {
        switch source {
        case .remote(let file, let name, let modificationTime, let image):
            // It is no file of this system: nothing that is written here can meet it.
            resources.openStore(in: options.cacheFolder, sparing: [])
            var appliance = try open(
                file, named: name, modificationTime, opened: OpenedFiles([]), options: options,
                resources: resources)
            for index in appliance.disks.indices { appliance.disks[index].isRemote = true }
            appliance.image = image
            if image != nil { appliance.imageData = file }
            return appliance
        case .file(let file, let name, let modificationTime):
            let opened = OpenedFiles([file])
            resources.openStore(in: options.cacheFolder, sparing: opened.numbers ?? [])
            return try open(
                file, named: name, modificationTime, opened: opened, options: options,
                resources: resources)
        case .folder(let path, let descriptorName):
            return try open(
                folder: path, descriptorName: descriptorName, options: options, resources: resources)
        }
    }

    private static func open(
        _ file: any ByteSource, named name: [UInt8], _ modificationTime: Int64, opened: OpenedFiles,
        options: ApplianceOptions, resources: DiskResources
    ) throws(ApplianceError) -> Appliance {
        let metered = MeteredSource(file, countedBy: resources.meter)
        let content = try decompressed(metered, named: name, resources)
        if try isArchive(content) {
            return opened.noted(
                in: try open(archive: content, options: options, resources: resources), resources)
        }
        try checkName(name, of: metered)
        return opened.noted(
            in: try open(
                image: metered, decoded: content, name: name, modificationTime: modificationTime,
                neighbours: neighbours(of: file, resources), options: options, resources: resources),
            resources)
    }

    private static func open(
        archive source: any ByteSource, options: ApplianceOptions, resources: DiskResources
    ) throws(ApplianceError) -> Appliance {
        let package: OVFPackage
        do throws(ReadError) {
            package = try OVFPackage(
                archive: source, budget: resources.budget,
                foresight: options.isLenient ? nil : options.foresight)
        } catch {
            throw ApplianceError(error)
        }
        let leftOut = CompressedSource.leftOutByteCount(of: source)
        return try PackageOpener.open(
            package,
            warnings: leftOut > 0 ? [PackageWarning(.archiveDamaged, PackageWarning.leftOut(leftOut))] : [],
            options: options, resources: resources)
    }

    private static func open(
        folder path: FilePath, descriptorName: [UInt8]?, options: ApplianceOptions, resources: DiskResources
    ) throws(ApplianceError) -> Appliance {
        let package: OVFPackage
        var resources = resources
        var opened = OpenedFiles([])
        do throws(ReadError) {
            package = try OVFPackage(
                folder: path, descriptorName: descriptorName, followsLinks: options.followsLinksInside,
                budget: resources.budget
            ).mappingSources {
                opened.add($0)
                return MeteredSource($0, countedBy: resources.meter)
            }
        } catch {
            throw ApplianceError(error)
        }
        resources.openStore(in: options.cacheFolder, sparing: opened.numbers ?? [], package: path)
        return opened.noted(
            in: try PackageOpener.open(package, in: path, options: options, resources: resources), resources)
    }

    /// The files in the folder of an image; nil where it is in none.
    private static func neighbours(of file: any ByteSource, _ resources: DiskResources) -> FolderNeighbours? {
        guard let path = (file as? LocalFile)?.path else { return nil }
        return FolderNeighbours(path: path.removingLastComponent(), resources: resources)
    }

    /// A file that is called an OVA and is neither an archive nor a disk image is a damaged download, not a raw
    /// disk. A descriptor comes here from an address only.
    static func checkName(_ name: [UInt8], of source: any ByteSource) throws(ApplianceError) {
        let suffix = String(decoding: name.suffix(4), as: UTF8.self).lowercased()
        guard [".ova", ".ovf"].contains(suffix), (try? DiskImageOpener.recognise(source)) == nil else {
            return
        }
        guard suffix == ".ova" else {
            throw ApplianceError(
                .damaged,
                "it is called a descriptor, and files beside an address are not read: pack them into an OVA")
        }
        throw ApplianceError(
            .damaged, "it is called an OVA, and it is neither a tar archive nor a disk image; is it complete?"
        )
    }

    private static func decompressed(
        _ source: any ByteSource, named name: [UInt8], _ resources: DiskResources
    ) throws(ApplianceError) -> any ByteSource {
        do throws(ReadError) {
            return try resources.decompressed(source, named: String(displaying: name), capacity: nil)
        } catch {
            throw ApplianceError(error)
        }
    }

    private static func isArchive(_ source: any ByteSource) throws(ApplianceError) -> Bool {
        do throws(ReadError) {
            return TarIndex.isArchive(firstBlock: try source.bytes(Int(min(512, source.byteCount)), at: 0))
        } catch {
            throw ApplianceError(error)
        }
    }
}
