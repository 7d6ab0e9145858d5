// The damaged places of a disk, while it is checked.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Places with their errors, in the order in which threads find them; places that touch are one.
struct DamagedPlaces {
    private struct Place {
        var range: Range<UInt64>
        /// How many errors of its bytes differ from the one before.
        var errorCount: Int
    }

    /// Bounds the memory that a hostile disk can take: 24 bytes a place.
    private static let mostPlaces = DamageMap.mostPlaces

    /// The errors of this many places are kept.
    let errorLimit: Int
    private var places: [Place] = []
    /// By the offset where the place began when it was noted.
    private var errors: [UInt64: ReadError] = [:]
    /// The last error that was noted.
    private var lastError: ReadError?
    /// Places beyond those that are kept.
    private var uncountedCount = 0

    init(errorLimit: Int) {
        self.errorLimit = errorLimit
    }

    /// Adds a place that stands behind all others.
    mutating func append(_ range: Range<UInt64>, _ error: ReadError) {
        guard !range.isEmpty else { return }
        defer { lastError = error }
        if let last = places.last, last.range.upperBound == range.lowerBound {
            places[places.count - 1].range = last.range.lowerBound..<range.upperBound
            places[places.count - 1].errorCount += lastError == error ? 0 : 1
            return
        }
        guard places.count < Self.mostPlaces else { return uncountedCount += 1 }
        places.append(Place(range: range, errorCount: 1))
        if errors.count < errorLimit { errors[range.lowerBound] = error }
    }

    /// Adds those of another stretch.
    mutating func append(_ other: DamagedPlaces) {
        let room = Self.mostPlaces - places.count
        places += other.places.prefix(room)
        uncountedCount += max(0, other.places.count - room) + other.uncountedCount
        for place in other.places.prefix(room) where errors.count < errorLimit {
            errors[place.range.lowerBound] = other.errors[place.range.lowerBound]
        }
    }

    /// The places in the disk's order, those that touch joined, as far as their errors were kept, and how many there are in
    /// all.
    func joined() -> (damages: [DeepCheck.Damage], count: Int) {
        var damages: [DeepCheck.Damage] = []
        var count = uncountedCount
        var current: Place?
        var error: ReadError?
        func finish() {
            guard let current else { return }
            count += 1
            guard let error, damages.count < errorLimit else { return }
            damages.append(
                DeepCheck.Damage(
                    guestOffset: current.range.lowerBound,
                    byteCount: current.range.upperBound - current.range.lowerBound, error: error,
                    furtherCount: current.errorCount - 1))
        }
        for place in places.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            let own = errors[place.range.lowerBound]
            guard let last = current, last.range.upperBound == place.range.lowerBound else {
                finish()
                (current, error) = (place, own)
                continue
            }
            // One record of the file may concern both.
            let isSame = own != nil && own == error && last.errorCount == 1
            current = Place(
                range: last.range.lowerBound..<place.range.upperBound,
                errorCount: last.errorCount + place.errorCount - (isSame ? 1 : 0))
            error = error ?? own
        }
        finish()
        return (damages, count)
    }
}
