// Whether the directory of a stream says what its markers said before it came.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Goes through what was found by markers and asks the image that has its directory about it. A value that is kept where
/// that was interrupted.
struct ArrivedComparison: Sendable {
    /// So many grains are compared before it is asked whether anyone waits for that.
    private static let step = 1_024

    let image: any DiskImage
    private let imageName: String
    private let grainByteCount: UInt64
    private var found: ArrivedMarkers.Found?
    private var tablePosition = 0
    private var grainPosition = 0

    init(with image: any DiskImage, named imageName: String, grainByteCount: UInt64) {
        self.image = image
        self.imageName = imageName
        self.grainByteCount = grainByteCount
    }

    mutating func add(_ found: ArrivedMarkers.Found) {
        self.found = found
    }

    /// Compares what was not compared yet.
    /// - Returns: The error for an image whose directory says something else; nil where it does not.
    /// - Throws: where tables cannot be read now, or nobody waits any more: it goes on from there the next time.
    mutating func finish() throws(ReadError) -> ReadError? {
        guard let found else { return nil }
        while tablePosition < found.tables.count {
            if tablePosition % Self.step == 0 { try PatientRead.checkCancellation() }
            if let error = contradiction(ofTable: found.tables[tablePosition]) { return error }
            tablePosition += 1
        }
        while grainPosition < found.grains.count {
            if grainPosition % Self.step == 0 { try PatientRead.checkCancellation() }
            if let error = try contradiction(ofGrain: found.grains[grainPosition]) { return error }
            grainPosition += 1
        }
        return nil
    }

    /// Zeros were served by the table. An image that was recovered has no directory that could say something else.
    private func contradiction(ofTable table: MarkedPlaces.Place) -> ReadError? {
        guard let image = image as? VMDKSparseExtent else { return nil }
        switch image.map.lookUp(Int(table.number)) {
        case .table(let sector, _) where sector == table.sector: return nil
        case .damaged: return nil
        case .table(let sector, _):
            return contradiction(table, "grain table \(table.number)", "sector \(sector)")
        case .absent: return contradiction(table, "grain table \(table.number)", "no sector")
        }
    }

    private func contradiction(ofGrain grain: MarkedPlaces.Place) throws(ReadError) -> ReadError? {
        let start = UInt64(grain.number) * grainByteCount
        let name = "grain at LBA \(start / 512)"
        switch try image.extent(containing: start).storage {
        case .compressed(let cluster) where cluster.storedOffset == UInt64(grain.sector) * 512: return nil
        case .compressed(let cluster):
            return contradiction(grain, name, "sector \(cluster.storedOffset / 512)")
        // Where its table is damaged, the grain is, as it would be had nobody read it before.
        case .damaged: return nil
        case .zeros, .absent, .stored, .elsewhere: return contradiction(grain, name, "no sector")
        }
    }

    private func contradiction(_ place: MarkedPlaces.Place, _ name: String, _ other: String) -> ReadError {
        .corrupt(
            record: "stream of \(imageName)", offset: UInt64(place.sector) * 512,
            reason:
                "the \(name) is here, and was served before the directory came, which names \(other) for it")
    }
}
