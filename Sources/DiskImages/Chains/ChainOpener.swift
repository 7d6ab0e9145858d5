// From an image to all the files that its disk is made of.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// Opens an image, the files that it leads to, its parent, and so on. A disk whose parent is missing, refused or another
/// one than the image says is refused: what differs from a parent is wrong without it.
package struct ChainOpener {
    let cache: ClusterCache
    let options: DiskImageOpener.Options
    /// The files beside the layer that was added last.
    private(set) var neighbours: (any NeighbourFiles)?
    /// Whether the image that was opened is on this system.
    private(set) var isNear = true
    private var layers: [DiskLayer] = []
    /// The images of the chain.
    private(set) var keys: Set<FileKey> = []

    /// An image and its parents.
    package static let mostImages = 64
    /// Files that hold parts of disks, of the whole chain.
    static let mostExtentFiles = 4_096
    /// What an open file of a disk takes beside its tables, in bytes.
    static let bytesPerExtentFile: UInt64 = 16 << 10
    /// The same of an image: a decoder with its buffers, and the positions of readers.
    package static let bytesPerImage: UInt64 = 128 << 10

    /// Opens the image in `source`, which errors call `name`, and what it builds on out of `neighbours`; without those, an
    /// image that needs another file is refused. `declaredParents` are its parent, that one's parent and so on, where
    /// something else than the image says which files they are. `image` is the image where other disks may have it, too.
    package static func open(
        _ source: any ByteSource, named name: String, key: FileKey? = nil, image: SharedImage? = nil,
        in cache: ClusterCache,
        options: DiskImageOpener.Options, neighbours: (any NeighbourFiles)? = nil,
        declaredParents: [NeighbourFile] = []
    ) throws(ReadError) -> [DiskLayer] {
        var opener = ChainOpener(cache: cache, options: options, neighbours: neighbours)
        opener.isNear = source.isNear
        if let key { opener.keys.insert(key) }
        return try opener.open(
            from: try opener.add(image, source, named: name, content: .recognised, options), declaredParents)
    }

    /// A disk of `byteCount` bytes that changes nothing of the first of `declaredParents`.
    package static func open(
        blankOf byteCount: UInt64, named name: String, in cache: ClusterCache,
        options: DiskImageOpener.Options,
        declaredParents: [NeighbourFile]
    ) throws(ReadError) -> [DiskLayer] {
        var opener = ChainOpener(cache: cache, options: options, neighbours: nil)
        opener.layers = [
            DiskLayer(
                BlankImage(virtualByteCount: byteCount), in: MemorySource([]), number: cache.makeDiskNumber(),
                named: name)
        ]
        return try opener.open(from: 0, declaredParents)
    }

    /// Opens what the layer at `first` builds on.
    private mutating func open(
        from first: Int, _ declaredParents: [NeighbourFile]
    ) throws(ReadError) -> [DiskLayer] {
        var index = first
        for depth in 0..<(Self.mostImages - 1) {
            let declared = depth < declaredParents.count ? declaredParents[depth] : nil
            guard let parent = try parent(of: index, declared) else { return layers }
            let next = try addParent(parent, declared, of: index)
            layers[index].parent = next
            index = next
        }
        guard layers[index].image.parent == nil, declaredParents.count < Self.mostImages else {
            throw .unsupported(
                feature: "\(layers[first].name) builds on a chain of more than \(Self.mostImages) images")
        }
        return layers
    }

    private init(
        cache: ClusterCache, options: DiskImageOpener.Options, neighbours: (any NeighbourFiles)?
    ) {
        self.cache = cache
        self.options = options
        self.neighbours = neighbours
    }

    /// Adds the image in `source`, and the files that it leads to, as layers; where other disks have it, too, it is opened
    /// once for all of them.
    private mutating func add(
        _ shared: SharedImage?, _ source: any ByteSource, named name: String,
        content: ParentReference.Content, _ options: DiskImageOpener.Options
    ) throws(ReadError) -> Int {
        let index = layers.count
        // Whoever opens a disk pays for its first image.
        let byteCount = index == 0 ? 0 : Self.bytesPerImage
        guard let shared else {
            return try append(try opened(source, named: name, content: content, options, byteCount))
        }
        var isFirst = false
        var found = try shared.layers(
            SharedImage.Reading(content: content, expectedByteCount: options.expectedByteCount)
        ) { () throws(ReadError) in
            isFirst = true
            return try opened(source, named: name, content: content, options, byteCount)
        }
        if !isFirst {
            let share = BudgetShare(of: options.budget)
            try share.take(UInt64(found.count) * DiskLayer.sharedByteCount, for: "the image \(name)")
            found[0].keep(share)
        }
        return try append(found)
    }

    /// Adds an image and its files; the image's index.
    private mutating func append(_ found: [DiskLayer]) throws(ReadError) -> Int {
        let index = layers.count
        guard index + found.count <= Self.mostExtentFiles else {
            throw .unsupported(feature: "\(found[0].name) has more than \(Self.mostExtentFiles) files")
        }
        layers += found
        layers[index].firstExtentFile = index + 1
        return index
    }

    /// The image in `source`, which takes `byteCount` bytes of the memory for opening beside its tables, and its files.
    private func opened(
        _ source: any ByteSource, named name: String, content: ParentReference.Content,
        _ options: DiskImageOpener.Options, _ byteCount: UInt64
    ) throws(ReadError) -> [DiskLayer] {
        let share = BudgetShare(of: options.budget)
        try share.take(byteCount, for: "the image \(name)")
        let number = cache.makeDiskNumber()
        let image: any DiskImage =
            content == .raw
            ? try RawImage(source, named: name)
            : try DiskImageOpener.open(source, named: name, in: cache, for: number, options: options)
        if case .family(let family) = content, image.format.family != family[...] {
            throw .unsupported(
                feature:
                    "\(name) should be a disk in the format \(family), and its content is \(image.format)")
        }
        guard image.virtualByteCount <= UInt64(Int64.max) - 511 else {
            throw .corrupt(
                record: name, offset: 0,
                reason: "a disk of \(image.virtualByteCount) bytes is longer than a file can be")
        }
        let layer = DiskLayer(image, in: source, number: number, named: name, share: share)
        return [layer] + (try extentLayers(of: image, named: name))
    }

    /// What the image says of its parent, or a descriptor.
    private func parent(of index: Int, _ declared: NeighbourFile?) throws(ReadError) -> ParentReference? {
        if let parent = layers[index].image.parent { return parent }
        guard declared != nil else { return nil }
        guard layers[index].image.format != .raw else {
            throw .unsupported(
                feature:
                    "\(layers[index].name) is declared to hold what differs from another disk, and its format cannot "
                    + "say what that is")
        }
        return ParentReference(names: [])
    }

    private mutating func addParent(
        _ parent: ParentReference, _ declared: NeighbourFile?, of child: Int
    ) throws(ReadError) -> Int {
        let childName = layers[child].name
        let file =
            if let declared { declared } else { try find(parent, of: childName, layers[child].image.format) }
        if let own = file.neighbours { neighbours = own }
        guard keys.insert(file.key).inserted else {
            throw .unsupported(feature: "\(childName) builds on \(file.name), which builds on it: a circle")
        }
        var content = parent.content
        if content == .unstated {
            guard options.lenient else {
                throw .refused(
                    record: childName, offset: nil,
                    reason:
                        "it does not say in which format its backing file \(file.name) is, and a guest may have "
                        + "written what looks like one", remedy: .lenient)
            }
            content = .recognised
        }
        let index: Int
        do throws(ReadError) {
            index = try add(
                file.image, file.source, named: file.name, content: content,
                DiskImageOpener.Options(
                    lenient: options.lenient, budget: options.budget, formats: options.formats))
        } catch {
            throw error.asParent(of: childName)
        }
        file.use()
        try check(layers[index].image.identity, of: file.name, parent, childName)
        try checkSectors(of: index, under: child)
        return index
    }

    /// A child counts in sectors of its own: with others, it and its parent would mean different bytes.
    private func checkSectors(of parent: Int, under child: Int) throws(ReadError) {
        guard let own = layers[child].image.sectorByteCount, let other = layers[parent].image.sectorByteCount,
            own != other
        else { return }
        throw .unsupported(
            feature:
                "\(layers[child].name) has sectors of \(own) bytes, and its parent \(layers[parent].name) of \(other)"
        )
    }

    private func check(
        _ identity: ImageIdentity?, of name: String, _ parent: ParentReference, _ childName: String
    ) throws(ReadError) {
        guard !parent.identities.isEmpty else { return }
        guard let identity, parent.identities.contains(identity) else {
            throw .unsupported(
                feature:
                    "\(childName) builds on another disk than \(name), or on an earlier state of it: its "
                    + "identifiers differ")
        }
    }
}

extension ReadError {
    /// The error of a parent, told of its child; what it is stays.
    fileprivate func asParent(of childName: String) -> ReadError {
        switch self {
        case .unsupported(let feature): .unsupported(feature: "\(childName) needs its parent: \(feature)")
        case .corrupt(let record, let offset, let reason):
            .corrupt(record: "\(record), the parent of \(childName),", offset: offset, reason: reason)
        case .refused(let record, let offset, let reason, let remedy):
            .refused(
                record: "\(record), the parent of \(childName),", offset: offset, reason: reason,
                remedy: remedy)
        case .system, .stale, .remote, .overBudget: self
        }
    }
}
