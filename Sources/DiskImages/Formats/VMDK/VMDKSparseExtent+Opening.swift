// Opening a VMDK disk that is in one file.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension VMDKSparseExtent {
    /// Opens the sparse extent in `reader`'s file, whose first bytes are `KDMV`. One that is a part of a disk of several
    /// files is read by its header alone: what the disk is, the descriptor of that disk says.
    ///
    /// Reads the header, the embedded descriptor, the footer of a stream, and the grain directory; grain
    /// tables are read when they are needed. Where the end of a stream has not come yet, its header and descriptor are
    /// enough.
    /// - Throws: `ReadError.corrupt` where header, footer or directory are damaged or cut off,
    ///   `ReadError.unsupported` where the disk's content is not all in this file.
    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options, isPart: Bool = false
    ) throws(ReadError) -> any DiskImage {
        let header = try SparseExtentHeader(
            parsing: try reader.record("header", byteCount: SparseExtentHeader.byteCount, at: 0))
        try header.checkStart(ofGrainsInFileOf: reader.byteCount, options)
        var warnings = header.warnings(inFileOf: reader.byteCount)
        let descriptor = isPart ? nil : try embeddedDescriptor(header, reader, &warnings)
        if !isPart { try checkIsWhole(header, descriptor, reader, options, &warnings) }
        if let expected = options.expectedByteCount, expected > reader.byteCount {
            warnings.append(
                "\(expected - reader.byteCount) of \(expected) \(MissingEnd.ofLength)")
        }
        let opening = ArrivingStream.Opening(
            header: header, descriptor: descriptor, reader: reader, warnings: warnings, tables: tables,
            options: options)
        if !isPart, ArrivingStream.suits(header, reader) { return try ArrivingStream(opening) }
        return try openWhole(opening, isPart: isPart)
    }

    /// The image with its directory, wherever that is.
    /// - Throws: as `open`.
    static func openWhole(
        _ opening: ArrivingStream.Opening, isPart: Bool = false
    ) throws(ReadError) -> any DiskImage {
        let (header, descriptor, options) = (opening.header, opening.descriptor, opening.options)
        var reader = opening.reader
        do throws(ReadError) {
            var image = try mapped(header, descriptor, &reader, opening.warnings, opening.tables, options)
            try image.checkTruncation(reader, options)
            return image
        } catch {
            // What is not there may be the parent's, and markers do not say so.
            let hasMarkers = header.isCompressed && header.flags.contains(.markers)
            guard options.lenient, !isPart, hasMarkers, error.isCorruption else { throw error }
            let warnings = opening.warnings + ["\(error); what its markers lead to is shown"]
            return try recover(header, descriptor, reader, warnings, opening.tables, options)
        }
    }

    /// The image with its map: the directory that the footer of a stream leads to, else the one at the front.
    private static func mapped(
        _ header: SparseExtentHeader, _ descriptor: VMDKDescriptor?, _ reader: inout OpeningReader,
        _ warnings: [String], _ tables: TableCache, _ options: DiskImageOpener.Options
    ) throws(ReadError) -> VMDKSparseExtent {
        var warnings = warnings
        guard header.directoryOffset == SparseExtentHeader.directoryIsInFooter else {
            let (directory, redundant) = try directories(of: header, reader, &warnings, options.budget)
            return try VMDKSparseExtent(
                header: header,
                map: try TableMap(
                    directory, redundant: redundant, header: header, reader: reader, options: options),
                hasTableMarkers: false, descriptor: descriptor, warnings: warnings, reader: reader,
                tables: tables, options: options)
        }
        try reader.readTail()
        guard let found = try FooterSearch.find(for: header, by: reader) else {
            throw try cutShort(header, reader, options)
        }
        if let warning = found.warning { warnings.append(warning) }
        let directory: GrainDirectory
        do throws(ReadError) {
            directory = try GrainDirectory(
                at: found.footer.directoryOffset, for: found.footer, by: reader, budget: options.budget,
                behindMarker: true)
        } catch {
            guard case .corrupt(let record, let offset, let reason) = error else { throw error }
            throw .refused(record: record, offset: offset, reason: reason, remedy: .lenient)
        }
        return try VMDKSparseExtent(
            header: found.footer,
            map: try TableMap(
                directory, redundant: nil, header: found.footer, reader: reader, options: options),
            hasTableMarkers: true, descriptor: descriptor, warnings: warnings, reader: reader, tables: tables,
            options: options)
    }

    /// The directory at the front and the redundant one. Where one of them cannot be read, the other one is used alone.
    private static func directories(
        of header: SparseExtentHeader, _ reader: OpeningReader, _ warnings: inout [String],
        _ budget: OpeningBudget
    ) throws(ReadError) -> (GrainDirectory, redundant: GrainDirectory?) {
        let hasRedundant =
            header.flags.contains(.redundantDirectory)
            && header.redundantDirectoryOffset != header.directoryOffset
        var redundant: GrainDirectory?
        var problem: ReadError?
        if hasRedundant {
            do throws(ReadError) {
                redundant = try GrainDirectory(
                    at: header.redundantDirectoryOffset, for: header, by: reader, budget: budget)
            } catch {
                guard error.isOfTheBytes else { throw error }
                problem = error
            }
        }
        do throws(ReadError) {
            let first = try GrainDirectory(
                at: header.directoryOffset, for: header, by: reader, budget: budget)
            if let problem {
                warnings.append("the redundant \(problem); the first grain directory is used alone")
            }
            return (first, redundant)
        } catch {
            guard error.isOfTheBytes, let redundant else { throw error }
            warnings.append("\(error); the redundant grain directory is used")
            return (redundant, nil)
        }
    }

    /// The error for a stream without a footer: it says how much is missing, where that can be known.
    private static func cutShort(
        _ header: SparseExtentHeader, _ reader: OpeningReader, _ options: DiskImageOpener.Options
    ) throws(ReadError) -> ReadError {
        let missing: String
        if let expected = options.expectedByteCount, expected > reader.byteCount {
            // Leniently, a warning of its own says so.
            missing =
                options.lenient
                ? "" : "; \(expected - reader.byteCount) of \(expected) bytes are missing from its end"
        } else {
            let scan = try MarkerScan(
                of: reader, header: header, atMost: MarkerScan.diagnosticLimit, budget: options.budget)
            switch scan.stop {
            case .endOfFile(let needed):
                missing =
                    "; the file is cut short: at least \(needed - reader.byteCount) bytes are missing from its "
                    + "end"
            case .noMarker(let offset):
                missing = "; its markers end at byte \(offset)"
            case nil:
                missing = "; the stream ends without one"
            case .limit:
                missing = "; the file is cut short"
            }
        }
        return .refused(
            record: "footer of \(reader.imageName)", offset: reader.byteCount,
            reason: "the file has no footer\(missing)", remedy: .lenient)
    }

    /// What a walk from marker to marker finds.
    private static func recover(
        _ header: SparseExtentHeader, _ descriptor: VMDKDescriptor?, _ reader: OpeningReader,
        _ warnings: [String], _ tables: TableCache, _ options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        let scan = try MarkerScan(
            of: reader, header: header, atMost: MarkerScan.recoveryLimit, budget: options.budget)
        if let descriptor, try descriptor.parent(of: reader.imageName) != nil {
            throw .unsupported(
                feature: "\(reader.imageName) is cut short and holds only what differs from its parent disk")
        }
        // A directory that the stream holds whole leads to everything; only the footer after it is gone.
        if let sector = scan.directorySector,
            let directory = try? GrainDirectory(
                at: sector, for: header, by: reader, budget: options.budget, behindMarker: true)
        {
            let map = try TableMap(
                directory, redundant: nil, header: header, reader: reader, options: options)
            let hasAll = try map.withStoredTables { tables throws(ReadError) in
                tables.allSatisfy { scan.hasTable(at: UInt64($0.sector)) }
            }
            if hasAll, map.damagedTables().isEmpty {
                return try VMDKSparseExtent(
                    header: header, map: map, hasTableMarkers: true, descriptor: descriptor,
                    warnings: warnings + ["the grain directory was found by its marker"], reader: reader,
                    tables: tables, options: options)
            }
        }
        return try RecoveredStream(
            scan, header: header, descriptor: descriptor, warnings: warnings, reader: reader)
    }
}

extension SparseExtentHeader {
    /// A file that ends before its first grain has lost bytes before its tables, which are then not where
    /// the header says: zeros would be read where there was data.
    fileprivate func checkStart(
        ofGrainsInFileOf byteCount: UInt64, _ options: DiskImageOpener.Options
    ) throws(ReadError) {
        guard overhead > byteCount / 512, !options.lenient else { return }
        throw .refused(
            record: "VMDK header", offset: 64,
            reason:
                "the grains start at sector \(overhead), and the file ends at byte \(byteCount): it was cut "
                + "short or changed by a transfer", remedy: .lenient)
    }

    /// What is questionable about the header of a file of `byteCount` bytes.
    fileprivate func warnings(inFileOf byteCount: UInt64) -> [String] {
        var result: [String] = []
        if wasNotShutDown { result.append("the image was not closed by its last writer (unclean shutdown)") }
        if flags.contains(.compressed) != (algorithm == .deflate) {
            result.append("compression flag and algorithm disagree; the grains are read as compressed")
        }
        if overhead > byteCount / 512 {
            result.append("the header places the first grain at sector \(overhead), past the end of the file")
        }
        return result
    }
}
