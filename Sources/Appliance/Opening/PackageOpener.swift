// From a package's files to the disks that its descriptor declares.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage
import SystemPackage

/// Opens the disks of one package. What is wrong with one disk does not keep the others from being opened.
struct PackageOpener {
    let package: OVFPackage
    private let options: ApplianceOptions
    let resources: DiskResources
    /// What images may lead to.
    let neighbours: PackageNeighbours
    var warnings: [PackageWarning]
    /// What became of each file that was opened, by where it is stored: many disks may name one file, and many names
    /// one place.
    var opened: [[PackageMember.StoredPlace]: Result<GuestDisk, ReadError>] = [:]
    /// The same by the file's index of the References, each of which has many chunks and may be named by many disks, and by
    /// the disk that it builds on.
    private var openedFiles: [OpenedFile: Result<GuestDisk, ReadError>] = [:]
    /// What the descriptor declares, and its files.
    var envelope: Envelope?
    var files: [PackageFile?] = []
    /// Files that disks build on, by their index of the References.
    var parentFiles: [Int: Result<NeighbourFile, ReadError>] = [:]
    /// Why the package cannot be opened now: what it is read from is not there, or not any more.
    var loss: ReadError?
    /// Disks of files that have not come.
    var comingDisks: [ComingDiskKey: ComingDisk] = [:]
    /// Such files, by their index of the References.
    var comingFiles: Set<Int> = []
    /// What each file is that is not content, by its index of the References.
    private var fileRoles: [Int: String?] = [:]

    struct ComingDiskKey: Hashable {
        let fileIndex: Int
        let byteCount: UInt64
    }

    private struct OpenedFile: Hashable {
        let fileIndex: Int
        let parentIndex: Int?
    }

    /// Opens all disks of `package`, which is in the folder `path` where it is one.
    ///
    /// - Throws: `ApplianceError` where the descriptor is missing or cannot be understood, unless
    ///   `options.isLenient`.
    static func open(
        _ package: OVFPackage, in path: FilePath? = nil, warnings: [PackageWarning] = [],
        options: ApplianceOptions, resources: DiskResources
    ) throws(ApplianceError) -> Appliance {
        var opener = PackageOpener(package: package, in: path, options: options, resources: resources)
        opener.warnings += warnings
        var disks: [ApplianceDisk]
        var envelope: Envelope?
        var layout: ApplianceLayout?
        var scope = VerificationScope()
        var files: [PackageFile?] = []
        do throws(ApplianceError) {
            let (parsed, layouts) = try opener.parseDescriptor()
            let found = PackageFile.files(of: parsed, in: package)
            opener.warnings += found.warnings
            disks = try opener.disks(of: parsed, found.files, found.refusals)
            scope.absentFiles = found.refusals.sorted { $0.key < $1.key }.map(\.value.reason)
            let storage = ApplianceLayout(of: parsed, layouts) { found.files[$0] != nil }
            try opener.takeRepeatedText(of: parsed, storage.systems)
            opener.warnings += storage.warnings(about: parsed)
            envelope = parsed
            files = found.files
            layout = storage
        } catch {
            guard options.isLenient else { throw error }
            opener.warnings.append(PackageWarning(.descriptorUnusable, error.description))
            // What it said until then counts no more: which files the package needs is not known.
            opener.envelope = nil
            opener.files = []
            disks = opener.disksByContent()
        }
        if let loss = opener.loss { throw ApplianceError(loss) }
        let hidden = HiddenMembers.of(
            package, disks, files, fileIndices: envelope?.disks.map(\.fileIndex))
        RawPaths.assign(to: &disks, beside: package.members, hidden: hidden)
        let checks = opener.manifestChecks(problem: &scope.manifestProblem)
        scope.use(files, of: disks, in: package, hasDescriptor: envelope != nil)
        scope.use(opener.neighbours.usage)
        return Appliance(
            package: package, envelope: envelope, layout: layout, checks: checks, scope: scope,
            hiddenMembers: hidden, disks: disks, warnings: opener.warnings,
            modificationTime: package.members.map(\.modificationTime).max() ?? 0, resources: resources)
    }

    private init(package: OVFPackage, in path: FilePath?, options: ApplianceOptions, resources: DiskResources)
    {
        self.package = package
        neighbours = PackageNeighbours(of: package, in: path, resources: resources)
        self.options = options
        self.resources = resources
        warnings = package.warnings
    }

    /// The disks that the descriptor declares, in its order.
    private mutating func disks(
        of envelope: Envelope, _ files: [PackageFile?], _ refusals: [Int: PackageFile.Refusal]
    ) throws(ApplianceError) -> [ApplianceDisk] {
        self.envelope = envelope
        self.files = files
        var disks: [ApplianceDisk] = []
        for disk in envelope.disks {
            guard let fileIndex = disk.fileIndex else {
                disks.append(diskWithoutFile(disk))
                continue
            }
            try takePath(of: envelope.files[fileIndex], files[fileIndex])
            disks.append(
                self.disk(
                    disk, fileIndex, reference: envelope.files[fileIndex], file: files[fileIndex],
                    refusal: refusals[fileIndex]))
        }
        return disks
    }

    /// A disk that no file backs is one hole; one whose file is not declared cannot be read.
    private mutating func diskWithoutFile(_ disk: VirtualDisk) -> ApplianceDisk {
        let content: ApplianceDisk.Content
        if let reference = disk.fileReference {
            content = .unreadable(
                reason:
                    "descriptor, line \(disk.line): the file \"\(reference.quotable())\" is not among the References"
            )
        } else if let capacity = disk.capacity {
            content =
                disk.parentReference == nil
                ? .empty(ZeroSource(byteCount: capacity)) : blank(disk, byteCount: capacity)
        } else {
            content = .unreadable(
                reason: "descriptor, line \(disk.line): the disk has neither a file nor a capacity")
        }
        return ApplianceDisk(
            identifier: disk.id, storedName: [], storedByteCount: 0,
            modificationTime: package.descriptor?.modificationTime ?? 0, content: content, memberIndices: [],
            stored: nil, warnings: [], rawPath: nil)
    }

    private mutating func disk(
        _ disk: VirtualDisk, _ fileIndex: Int, reference: FileReference, file: PackageFile?,
        refusal: PackageFile.Refusal?
    ) -> ApplianceDisk {
        let members = file?.members ?? []
        // Chunks are named after the file that they were cut from.
        let name =
            reference.chunkByteCount != nil || members.isEmpty
            ? Array(reference.href.utf8) : package.members[members[0]].path
        var warnings: [PackageWarning] = []
        let content = content(
            of: disk, fileIndex, reference, file, refusal, named: String(displaying: name),
            warnings: &warnings)
        return ApplianceDisk(
            identifier: disk.id, storedName: name, storedByteCount: file?.source.byteCount ?? 0,
            modificationTime: members.first.map { package.members[$0].modificationTime } ?? 0,
            content: content, memberIndices: members, stored: file?.source, warnings: warnings, rawPath: nil,
            populatedByteCount: disk.populatedByteCount)
    }

    private mutating func content(
        of disk: VirtualDisk, _ fileIndex: Int, _ reference: FileReference, _ file: PackageFile?,
        _ refusal: PackageFile.Refusal?, named name: String, warnings: inout [PackageWarning]
    ) -> ApplianceDisk.Content {
        let place = "descriptor, line \(reference.line)"
        guard let file else {
            let reason = refusal?.reason ?? "the file \"\(reference.href.quotable())\" is not in the package"
            return .unreadable(
                reason: "\(place): \(reason.quotable(upTo: 500))", remedy: refusal?.remedy)
        }
        if let role = role(of: file, fileIndex) {
            return .unreadable(
                reason: "\(place): the file \"\(reference.href.quotable())\" is the package's \(role)")
        }
        guard file.missingByteCount == 0 || options.isLenient else {
            return .unreadable(
                reason:
                    "\(reference.href.quotable()): the archive ends \(file.missingByteCount) bytes too early for it",
                remedy: .lenient)
        }
        do throws(ReadError) {
            if let coming = try coming(file, fileIndex, reference, named: name, declaredAs: disk) {
                warnings = [Self.warning(aboutComing: disk, byteCount: coming.byteCount)]
                return .coming(coming)
            }
            let guest = try guestDisk(in: file, fileIndex, reference, named: name, declaredAs: disk)
            warnings = self.warnings(about: guest, declaredAs: disk)
            return .decoded(guest)
        } catch {
            noteLoss(error)
            let isLenientAlready = options.isLenient && error.remedy == .lenient
            return .unreadable(reason: error.description, remedy: isLenientAlready ? nil : error.remedy)
        }
    }

    /// What the file of the References with this index is, where that is not content.
    private mutating func role(of file: PackageFile, _ index: Int) -> String? {
        if let known = fileRoles[index] { return known }
        let role = package.role(amongMembers: file.members)
        fileRoles.updateValue(role, forKey: index)
        return role
    }

    /// The disk image in `file`, opened once, however many disks of the descriptor name it.
    mutating func guestDisk(
        in file: PackageFile, _ fileIndex: Int, _ reference: FileReference, named name: String,
        declaredAs disk: VirtualDisk
    ) throws(ReadError) -> GuestDisk {
        let key = OpenedFile(fileIndex: fileIndex, parentIndex: disk.parentIndex)
        if let known = openedFiles[key] { return try known.get() }
        let places = file.members.map { package.members[$0].storedPlace(at: $0) }
        // One place may hold the changes to several disks.
        if disk.parentReference == nil, let known = opened[places] {
            openedFiles[key] = known
            return try known.get()
        }
        let expected = file.source.byteCount.addingReportingOverflow(file.missingByteCount)
        let result: Result<GuestDisk, ReadError>
        do throws(ReadError) {
            let own = disk.parentReference == nil ? nil : try parentFile(fileIndex, of: disk)
            let guest = try resources.open(
                file.source, decoded: own?.source, image: own?.image, named: name, key: places.first?.key,
                capacity: disk.capacity,
                format: disk.format,
                options: .init(
                    lenient: options.isLenient,
                    expectedByteCount: reference.byteCount
                        ?? (expected.overflow ? nil : expected.partialValue),
                    budget: resources.budget),
                neighbours: file.members.first.map { neighbours.neighbours(ofMember: $0) },
                declaredParents: try declaredParents(of: disk))
            result = .success(guest)
        } catch {
            // It says nothing about the file.
            if error.isWouldWait { throw error }
            result = .failure(error)
        }
        openedFiles[key] = result
        if disk.parentReference == nil { opened[places] = result }
        return try result.get()
    }
}
