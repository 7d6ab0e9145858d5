// What is sent to an image service, and what the service is told of it.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import OVFPackage
import RemoteSources

/// The bytes of an image, with what is known of them.
struct UploadPlan {
    /// For messages and the bar.
    let label: String
    let bytes: any ByteSource
    var diskFormat: String
    var containerFormat: String
    /// What the guest sees, in bytes; nil where that is not known.
    let virtualByteCount: UInt64?
    /// What the service should know, in the order of the names.
    let properties: [ImageRecord.Property]
    /// What is questionable, one line each.
    var notes: [String] = []
    /// Called when all bytes have been read.
    var check: @Sendable () throws(ReadError) -> Void = { () throws(ReadError) in }

    /// The smallest disk that it fits on, in GiB; nil where that is not known, or more than services can store.
    var leastDiskSize: UInt64? {
        guard let virtualByteCount else { return nil }
        let whole = virtualByteCount >> 30
        let size = virtualByteCount & (1 << 30 - 1) == 0 ? whole : whole + 1
        return size <= ImageArguments.mostSize ? size : nil
    }
}

/// Finds out what the user wants to send.
struct UploadChoice {
    let appliance: Appliance
    let located: ApplianceSource
    /// The SOURCE argument, for messages.
    let source: String
    /// The DISK argument; nil where there is none.
    let disk: String?
    /// Whether what is cut short, or not compared with anything, is sent all the same.
    let isLenient: Bool
    /// The formats that the user named.
    let diskFormat: String?
    let containerFormat: String?

    /// What raw bytes may be called.
    static let rawFormats = ["raw", "iso", "ami", "ari", "aki"]
    static let rawContainers = ["bare", "ami", "ari", "aki"]

    /// A disk, decoded.
    func raw() throws -> UploadPlan {
        let choice = DiskChoice(appliance: appliance, source: source)
        let chosen = try choice.subjects(named: disk.map { [$0] } ?? [])
        guard let subject = chosen.first, chosen.count == 1 else { throw unnamed() }
        guard let bytes = subject.bytes else { throw notDecoded(subject.disk) }
        if let missing = subject.missingEnd {
            throw CommandFailure(status: .damaged, message: "\(source): \(subject.title): \(missing)")
        }
        let isRawFile = subject.disk.formatName == "raw" && !subject.isPart
        let found =
            isRawFile ? try readable { () throws(ReadError) in try StoredImage.rawFormat(of: bytes) } : "raw"
        if let wanted = diskFormat, !Self.rawFormats.contains(wanted) {
            throw usage(
                "the disk is sent decoded, which is not '\(wanted)'; --as-stored sends its file as it is")
        }
        if let wanted = containerFormat, !Self.rawContainers.contains(wanted) {
            throw usage(
                "the disk is sent decoded and alone, which is not '\(wanted)'; --as-stored sends the file as it is"
            )
        }
        let index = appliance.disks.firstIndex {
            $0.copyName == subject.disk.copyName && $0.identifier == subject.disk.identifier
        }
        return UploadPlan(
            label: subject.label, bytes: bytes, diskFormat: diskFormat ?? found,
            containerFormat: containerFormat ?? "bare", virtualByteCount: bytes.byteCount,
            // It says how a VMDK stores its disk.
            properties: properties(ofDisk: index).filter { $0.name != "vmware_disktype" },
            notes: subject.notes.map {
                OptionWords.copy.message("\(subject.title): \($0.message)", $0.remedy)
            })
    }

    /// A disk's file, or the whole package, as it is.
    func stored() throws -> UploadPlan {
        let choice = DiskChoice(appliance: appliance, source: source)
        guard let disk else {
            if let archive { return try whole(archive) }
            guard appliance.disks.count == 1 else { throw unnamed() }
            return try stored(0)
        }
        guard let index = try choice.index(of: disk, try RawArguments.bytes(disk)) else {
            let part = try choice.subjects(named: [disk])
            throw usage("\(part.first?.title ?? disk) is no file of its own: leave out --as-stored")
        }
        return try stored(index)
    }

    private func stored(_ index: Int) throws -> UploadPlan {
        let disk = appliance.disks[index]
        try checkEnd(of: disk)
        let image: StoredImage
        do throws(StoredImage.Refusal) {
            image = try appliance.storedImage(ofDisk: index)
        } catch {
            throw usage("disk \(disk.identifier): \(error.reason): leave out --as-stored")
        }
        guard let format = diskFormat ?? image.diskFormat else {
            throw usage(
                "disk \(disk.identifier): image services have no word for its format (\(disk.formatName)): "
                    + "leave out --as-stored, or say --disk-format")
        }
        return UploadPlan(
            label: String(displaying: disk.storedName), bytes: image.bytes, diskFormat: format,
            containerFormat: containerFormat ?? image.containerFormat,
            virtualByteCount: disk.source?.byteCount, properties: properties(ofDisk: index),
            notes: disk.warnings.map {
                OptionWords.copy.message("disk \(disk.identifier): \($0.message)", $0.remedy)
            } + disk.lostParts.map(\.message) + contradictions(image.diskFormat, image.containerFormat),
            check: image.check)
    }

    /// The archive that the package is; nil where it is none.
    private var archive: (source: any ByteSource, name: [UInt8])? {
        guard appliance.package != nil else { return nil }
        return switch located {
        case .file(let source, let name, _), .remote(let source, let name, _, _): (source, name)
        case .folder: nil
        }
    }

    private func whole(_ archive: (source: any ByteSource, name: [UInt8])) throws -> UploadPlan {
        let compression = try readable { () throws(ReadError) in try CompressionFormat(ofFile: archive.source)
        }
        if let compression {
            throw usage(
                "the package is compressed with \(compression.name), which image services do not know: decompress it "
                    + "first, or name a disk")
        }
        for disk in appliance.disks { try checkEnd(of: disk) }
        let unchecked = try checkMembers()
        let root = appliance.rootDiskIndex
        let stored = root.flatMap { try? appliance.storedImage(ofDisk: $0).diskFormat }
        return UploadPlan(
            label: String(displaying: archive.name), bytes: archive.source,
            diskFormat: diskFormat ?? stored ?? "vmdk",
            containerFormat: containerFormat ?? "ova",
            virtualByteCount: root.flatMap { appliance.disks[$0].source?.byteCount },
            properties: properties(ofDisk: root),
            notes: appliance.problems.map {
                OptionWords.copy.message($0.message, $0.remedy)
            } + archiveNotes + unchecked + contradictions(stored, "ova"))
    }

    private func properties(ofDisk index: Int?) -> [ImageRecord.Property] {
        index.map { appliance.imageProperties(ofDisk: $0) } ?? []
    }

    private func readable<Result>(_ body: () throws(ReadError) -> Result) throws -> Result {
        do throws(ReadError) {
            return try body()
        } catch {
            throw CommandFailure(upload: OpenStackError(.unreadable(error), "\(error)"), of: source)
        }
    }

    private func unnamed() -> CommandFailure {
        let names = appliance.disks.map(\.identifier)
        guard !names.isEmpty else {
            return CommandFailure(status: .damaged, message: "\(source): there is no disk in it")
        }
        let whole = archive == nil ? "" : "; --as-stored alone uploads all of it"
        return usage(
            "an image is of one disk, and there are \(names.count): name one of \(DiskChoice.list(names))\(whole)"
        )
    }

    private func notDecoded(_ disk: ApplianceDisk) -> CommandFailure {
        var message = "\(source): disk \(disk.identifier) is not decoded"
        if case .unreadable(let reason, let remedy) = disk.content {
            message = OptionWords.copy.message("\(message): \(reason)", remedy)
        }
        return CommandFailure(status: .damaged, message: message)
    }

    private func usage(_ message: String) -> CommandFailure {
        CommandFailure(status: .wrongUsage, message: "\(source): \(message)")
    }
}
