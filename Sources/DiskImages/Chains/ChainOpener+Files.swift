// The files that a disk is made of: parts of an image, and its parent.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension ChainOpener {
    /// The layers of the files that `image`, called `imageName`, leads to.
    func extentLayers(of image: any DiskImage, named imageName: String) throws(ReadError) -> [DiskLayer] {
        let files = image.extentFiles
        guard !files.isEmpty else { return [] }
        guard let neighbours else {
            throw .unsupported(feature: "\(imageName) is a disk of other files, and \(noneIsBeside)")
        }
        guard files.count < Self.mostExtentFiles else {
            throw .unsupported(feature: "\(imageName) has more than \(Self.mostExtentFiles) files")
        }
        var sparseKeys: Set<FileKey> = []
        var found: [DiskLayer] = []
        for part in files {
            let file = try file(of: part, for: imageName, neighbours)
            // Whose grains it has is said by the place of its line: it has one.
            guard part.content != .sparseExtent || sparseKeys.insert(file.key).inserted else {
                throw .unsupported(
                    feature: "\(imageName) has the sparse file \(Self.shown(part.name)) in two places")
            }
            found.append(try layer(of: part, in: file, for: imageName))
        }
        return found
    }

    /// The file that holds a part of `imageName`.
    private func file(
        of part: ExtentFile, for imageName: String, _ neighbours: any NeighbourFiles
    ) throws(ReadError) -> NeighbourFile {
        let name = NeighbourName.withoutOwnFolder(part.name, among: neighbours)
        if let reason = NeighbourName.problem(with: name) {
            throw .unsupported(feature: "\(imageName) leads to \(Self.shown(part.name)): \(reason)")
        }
        guard let file = try neighbours.file(named: name) else {
            throw .unsupported(
                feature:
                    "\(imageName) is a disk of other files, and \(Self.shown(part.name)) is not there; "
                    + Self.place(beside: imageName, neighbours))
        }
        file.use()
        return file
    }

    /// The layer of `file`, which holds a part of `imageName`. What cannot be opened refuses the disk; one that is too short
    /// is damage of its part alone.
    private func layer(
        of part: ExtentFile, in file: NeighbourFile, for imageName: String
    ) throws(ReadError) -> DiskLayer {
        let share = BudgetShare(of: options.budget)
        try share.take(Self.bytesPerExtentFile, for: "the files of \(imageName)")
        let number = cache.makeDiskNumber()
        let image: any DiskImage
        switch part.content {
        case .raw(let start):
            let byteCount = file.source.byteCount
            let source = try SubrangeSource(
                of: file.source, from: min(start, byteCount), byteCount: byteCount - min(start, byteCount),
                named: file.name)
            image = RawImage(wholeOf: source)
            return DiskLayer(image, in: source, number: number, named: file.name, share: share)
        case .sparseExtent:
            let reader = try OpeningReader(file.source, named: file.name)
            image = try VMDKExtentOpener.open(
                reader, tables: TableCache(of: file.source, in: cache, for: number),
                options: DiskImageOpener.Options(
                    lenient: options.lenient, budget: options.budget, formats: options.formats))
            return DiskLayer(image, in: file.source, number: number, named: file.name, share: share)
        }
    }

    /// Why there is no other file.
    private var noneIsBeside: String {
        isNear
            ? "none is beside it"
            : "files beside an address are not read: put them into an OVA or a tar archive, or copy them here"
    }

    /// The file that `parent` means.
    func find(
        _ parent: ParentReference, of childName: String, _ format: DiskFormat
    ) throws(ReadError) -> NeighbourFile {
        guard let neighbours else {
            throw .unsupported(feature: "\(childName) builds on another file, and \(noneIsBeside)")
        }
        guard !parent.names.isEmpty else { return try findByIdentity(parent, of: childName, neighbours) }
        var problem: String?
        for stored in parent.names {
            let name = NeighbourName.withoutOwnFolder(stored, among: neighbours)
            if let reason = NeighbourName.problem(with: name) {
                let advice = ConversionAdvice.rebasing(childName, format, onto: name, parent.content)
                problem = problem ?? "\(Self.shown(name)): \(reason)\(advice)"
                continue
            }
            if let file = try neighbours.file(named: name) { return file }
            problem =
                problem ?? "\(Self.shown(name)) is not there; \(Self.place(beside: childName, neighbours))"
        }
        throw .unsupported(
            feature:
                "\(childName) holds only what differs from its parent disk, without which its content would be "
                + "wrong: \(problem ?? "it has no name")")
    }

    /// Formats that store no name: the parent is the image that has the identity which the child knows.
    private func findByIdentity(
        _ parent: ParentReference, of childName: String, _ neighbours: any NeighbourFiles
    ) throws(ReadError) -> NeighbourFile {
        for entry in try neighbours.identities.entries(of: neighbours, budget: options.budget)
        where parent.identities.contains(where: { $0.isSameDisk(as: entry.identity) }) {
            guard let file = try? neighbours.file(named: entry.name), !keys.contains(file.key) else {
                continue
            }
            return file
        }
        throw .unsupported(
            feature: "\(childName) holds only what differs from its parent disk, which is not beside it, "
                + neighbours.place)
    }

    /// Where a file has to be that is not there.
    private static func place(beside name: String, _ neighbours: any NeighbourFiles) -> String {
        "it has to be beside \(name), \(neighbours.place)"
    }

    /// A file's own name for a message: printable, and not long.
    static func shown(_ name: [UInt8]) -> String {
        VMDKDescriptor.shown(String(decoding: name, as: UTF8.self))
    }
}
