// What of a folder is opened as a package.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc
import SystemPackage

/// The names of a folder, and those of them that are opened.
struct FolderContents {
    let folder: PackageFolder
    /// The memory that opening the package may take.
    let budget: OpeningBudget
    private(set) var members: [PackageMember] = []
    /// The names that were to be opened, and are no files that can be.
    private(set) var skipped: [SkippedMember] = []
    /// Whether a file may be found by the last component of its name alone, in another folder.
    var allowsOtherFolders = true {
        didSet { names.allowsOtherFolders = allowsOtherFolders }
    }
    var log = WarningLog()
    /// Every name seen, as a member without bytes, for hrefs to be looked up among.
    private var candidates: [PackageMember] = []
    private(set) var names: HrefResolver
    /// What comparing names may cost.
    let normalizationWork = NormalizationWork()
    /// The folders that were looked into, by their paths.
    private var listed: Set<ByteString> = []
    private var opened: Set<ByteString> = []
    /// The files in chunks whose chunks are opened, by the resolver's numbers.
    private var openedChunks: Set<Int> = []

    /// Most folders that are listed.
    private static let maximumFolderCount = 1_000
    /// Folders behind those, which a finding names.
    private var unlisted: Set<ByteString> = []

    init(_ folder: PackageFolder, budget: OpeningBudget) {
        self.budget = budget
        self.folder = folder
        names = HrefResolver([], allowsOtherFolders: true, work: normalizationWork)
    }

    /// Lists the folder at `components`, once.
    mutating func list(_ components: [[UInt8]]) throws(ReadError) {
        let path = ByteString(components.joinedBySlashes)
        guard !listed.contains(path) else { return }
        guard listed.count < Self.maximumFolderCount else {
            // Once for each, and for as many as are looked into.
            guard unlisted.count < Self.maximumFolderCount, unlisted.insert(path).inserted else { return }
            log.add(
                .memberSkipped,
                "\"\(String(displaying: path.bytes))\" is not looked into: it is behind the "
                    + "first \(Self.maximumFolderCount) folders that are named")
            return
        }
        listed.insert(path)
        let names: [[UInt8]]
        do throws(FolderRefusal) {
            names = try folder.names(in: components)
        } catch {
            // Without its names there is no package; without those of a folder in it, the rest is one.
            if components.isEmpty { throw Self.readError(error, folder.path) }
            try skip(components, error)
            return
        }
        for name in names {
            let member = Self.member(components + [name], MemorySource([]), time: 0)
            try budget.takeMember(member.path)
            self.names.insert(member, at: candidates.count)
            candidates.append(member)
        }
    }

    func descriptorName(_ wanted: [UInt8]?) throws(ReadError) -> [UInt8] {
        if let wanted { return wanted }
        let found = candidates.filter { PackageRoles.isCandidate($0, for: "ovf") }.map(\.name)
        guard let first = found.first else {
            let archives = candidates.filter { PackageRoles.isCandidate($0, for: "ova") }.map(\.name)
            guard !archives.isEmpty else {
                throw .unsupported(feature: "\(folder.path) is a folder without an .ovf file")
            }
            let names = archives.prefix(5).map { String(displaying: $0) }.joined(separator: ", ")
            throw .unsupported(
                feature:
                    "\(folder.path) has no .ovf; it has \(names)\(archives.count > 5 ? " …" : ""): name one")
        }
        guard found.count == 1 else {
            let names = found.prefix(5).map { String(displaying: $0) }.joined(separator: ", ")
            throw .unsupported(
                feature: "\(folder.path) has \(found.count) .ovf files (\(names)): name one of them")
        }
        return first
    }

    /// The files that may be the descriptor's manifest or certificate; a folder of such a name is neither.
    func companions(of base: [UInt8], _ suffix: String) -> [[UInt8]] {
        let found = candidates.filter {
            PackageRoles.isCandidate($0, for: suffix) && !folder.isFolder([$0.name])
        }.map(\.name)
        let exact = found.filter { $0.prefix(upTo: $0.count - suffix.utf8.count - 1) == base[...] }
        return exact.isEmpty ? found.count == 1 ? found : [] : Array(exact.prefix(1))
    }

    /// Opens what a line of the manifest names.
    mutating func openListed(_ name: [UInt8]) throws(ReadError) {
        try listFolder(of: name)
        if let index = names.member(named: name) { try open(candidates[index].components) }
    }

    /// Opens what a `File` of the descriptor means, chunks too.
    mutating func openFile(_ file: FileReference) throws(ReadError) {
        guard file.href.utf8.count <= HrefResolver.maximumHrefByteCount else { return }
        let href = Array(file.href.utf8)
        for path in [href, HrefResolver.percentDecoded(href)] { try listFolder(of: path) }
        try openMember(names.resolve(file.href))
        guard file.chunkByteCount != nil, let last = names.lastChunkNumber(of: file.href),
            let chunk = chunk(of: file.href, last: last),
            let chunkedFile = names.chunkedFile(ofMember: chunk),
            // Many files may name the same chunks.
            openedChunks.insert(chunkedFile).inserted
        else { return }
        let chunks = names.chunks(ofChunkedFile: chunkedFile).sorted { $0.key < $1.key }
        for (_, index) in chunks { try open(candidates[index].components) }
    }

    /// A chunk of `href`, which the others stand beside; the first may be missing, and the last is there.
    private func chunk(of href: String, last: Int) -> Int? {
        for number in [0, last] {
            if case .found(let index, _) = names.resolve(href + ChunkAssembly.suffix(number)) { return index }
        }
        return nil
    }

    /// Lists the folder in which the file at `path` would be, where it may be one beneath the package's own.
    private mutating func listFolder(of path: [UInt8]) throws(ReadError) {
        // No file is deeper or has a longer path. Taken apart, a path takes a hundred times its length.
        guard path.count <= PaxRecords.maximumPathByteCount else { return }
        let path = MemberPath(path)
        guard path.isReferable, (2...PackageFolder.maximumDepth).contains(path.depth) else { return }
        try list(path.components.dropLast().map(Array.init))
    }

    private mutating func openMember(_ resolution: HrefResolver.Resolution) throws(ReadError) {
        guard case .found(let index, _) = resolution else { return }
        try open(candidates[index].components)
    }

    /// Opens the descriptor: without it there is no package, so what keeps it from being opened is the answer.
    mutating func openDescriptor(_ name: [UInt8]) throws(ReadError) {
        let place = "\(folder.path)/\(String(displaying: name))"
        opened.insert(ByteString(name))
        do throws(FolderRefusal) {
            guard let file = try folder.file(at: [name]) else {
                throw .failure(.system(call: "open \(place)", errno: ENOENT))
            }
            members.append(Self.member([name], file, time: file.modificationTime))
        } catch {
            switch error {
            case .failure(let cause), .unreadable(_, let cause): throw cause
            case .link:
                throw .refused(
                    record: place, offset: nil, reason: "the descriptor is \(error)", remedy: .linksInside)
            default: throw .unsupported(feature: "\(place), the descriptor, is \(error)")
            }
        }
    }

    /// Opens the file at `components`, once. What is no file that can be read is left out, with a warning.
    mutating func open(_ components: [[UInt8]]) throws(ReadError) {
        guard opened.insert(ByteString(components.joinedBySlashes)).inserted else { return }
        do throws(FolderRefusal) {
            guard let file = try folder.file(at: components) else {
                // It was listed: what it leads to is not there.
                let place = "\(folder.path)/\(String(displaying: components.joinedBySlashes))"
                throw .unreadable(
                    name: components.last ?? [], .system(call: "open \(place)", errno: ENOENT))
            }
            members.append(Self.member(components, file, time: file.modificationTime))
        } catch {
            try skip(components, error)
        }
    }

    /// Leaves out what is at `components`, and says why.
    private mutating func skip(_ components: [[UInt8]], _ refusal: FolderRefusal) throws(ReadError) {
        if case .failure(let error) = refusal { throw error }
        let path = components.joinedBySlashes
        // A link on the way is named, too, where it is not the name itself.
        let link = refusal.name.flatMap { $0 == components.last ? nil : $0 }
        let detail = link.map { "behind \"\(String(displaying: $0))\", \(refusal)" } ?? "\(refusal)"
        let kind: SkippedMember.Kind
        switch refusal {
        case .link, .outside, .tooManyLinks: kind = .symbolicLink
        case .notAFile(_, FolderRefusal.folderKind): kind = .folder
        default: kind = .unreadable
        }
        skipped.append(SkippedMember(path: path, kind: kind, detail: detail, remedy: refusal.remedy))
        log.add(.memberSkipped, "\"\(String(displaying: path))\" is \(detail)", remedy: refusal.remedy)
    }

    /// The error of a folder that cannot be listed at all.
    private static func readError(_ refusal: FolderRefusal, _ path: FilePath) -> ReadError {
        switch refusal {
        case .failure(let error), .unreadable(_, let error): error
        default: .unsupported(feature: "\(path) is \(refusal)")
        }
    }

    private static func member(
        _ components: [[UInt8]], _ source: any ByteSource, time: Int64
    ) -> PackageMember {
        PackageMember(
            path: components.joinedBySlashes, components: components,
            isReferable: true, missingByteCount: 0, modificationTime: time, location: nil, source: source)
    }
}
