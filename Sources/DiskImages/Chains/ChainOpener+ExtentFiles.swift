// The files that hold parts of a disk.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension ChainOpener {
    /// Opens the files that the layer at `index` leads to, as layers of their own.
    mutating func addExtentFiles(of index: Int) throws(ReadError) {
        let files = layers[index].image.extentFiles
        guard !files.isEmpty else { return }
        let imageName = layers[index].name
        guard let neighbours else {
            throw .unsupported(feature: "\(imageName) is a disk of other files, and none is beside it")
        }
        guard layers.count + files.count <= Self.mostExtentFiles else {
            throw .unsupported(feature: "\(imageName) has more than \(Self.mostExtentFiles) files")
        }
        layers[index].firstExtentFile = layers.count
        for file in files { layers.append(try layer(of: file, for: imageName, neighbours)) }
    }

    /// The layer of a file that holds a part of `imageName`. One that cannot be read is damage of its part alone.
    private func layer(
        of part: ExtentFile, for imageName: String, _ neighbours: any NeighbourFiles
    ) throws(ReadError) -> DiskLayer {
        let share = BudgetShare(of: options.budget)
        try share.take(Self.bytesPerExtentFile, for: "the files of \(imageName)")
        if let reason = NeighbourName.problem(with: part.name) {
            throw .unsupported(feature: "\(imageName) leads to \(Self.shown(part.name)): \(reason)")
        }
        let number = cache.makeDiskNumber()
        guard let file = try neighbours.file(named: part.name) else {
            throw .corrupt(
                record: imageName, offset: 0, reason: "its file \(Self.shown(part.name)) is not there")
        }
        file.noteUse()
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
}
