// The damaged places of a disk, while it is checked.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// Places with their errors, in the disk's order, in whatever order threads find them; places that touch are one.
struct DamagedPlaces {
    private struct Place {
        var range: Range<UInt64>
        /// How many errors of its bytes differ from the one before.
        var errorCount: Int
    }

    /// The errors at both ends of a place.
    private struct Ends {
        var first: ReadError
        var last: ReadError
    }

    /// Bounds the memory that a hostile disk can take: 24 bytes a place.
    private static let mostPlaces = DamageMap.mostPlaces
    /// Errors that are kept beside those that are listed. A stretch that comes late joins at most two places to one, and no
    /// more stretches are late than threads go through the disk.
    private static let slack = 256

    /// This many places are listed.
    let errorLimit: Int
    /// Sorted; none touch.
    private var places: [Place] = []
    /// Of the first places, as many as are kept.
    private var errors: [Ends] = []
    /// Places beyond those that are kept.
    private var uncountedCount = 0

    init(errorLimit: Int) {
        self.errorLimit = errorLimit
    }

    /// Adds a place that overlaps no other.
    mutating func append(_ range: Range<UInt64>, _ error: ReadError) {
        guard !range.isEmpty else { return }
        add(Place(range: range, errorCount: 1), Ends(first: error, last: error))
    }

    /// Adds those of another stretch.
    mutating func append(_ other: DamagedPlaces) {
        uncountedCount += other.uncountedCount
        for (number, place) in other.places.enumerated() {
            add(place, number < other.errors.count ? other.errors[number] : nil)
        }
    }

    private mutating func add(_ place: Place, _ ends: Ends?) {
        let index = places.partitionPoint { $0.range.lowerBound < place.range.lowerBound }
        places.insert(place, at: index)
        if let ends, index <= errors.count { errors.insert(ends, at: index) }
        // What stands behind a place without errors has none.
        if ends == nil, index < errors.count { errors.removeSubrange(index...) }
        if index + 1 < places.count { join(index) }
        if index > 0 { join(index - 1) }
        if errors.count > errorLimit + Self.slack { errors.removeLast() }
        if places.count > Self.mostPlaces {
            places.removeLast()
            uncountedCount += 1
        }
    }

    /// Joins the place at `index` with the next one, where they touch.
    private mutating func join(_ index: Int) {
        guard places[index].range.upperBound == places[index + 1].range.lowerBound else { return }
        let next = places.remove(at: index + 1)
        places[index].range = places[index].range.lowerBound..<next.range.upperBound
        places[index].errorCount += next.errorCount
        guard index + 1 < errors.count else { return }
        let ends = errors.remove(at: index + 1)
        // One record of the file may concern both.
        if errors[index].last == ends.first { places[index].errorCount -= 1 }
        errors[index].last = ends.last
    }

    /// The first places of the disk, and how many there are in all.
    func joined() -> (damages: [DeepCheck.Damage], count: Int) {
        let damages = zip(places, errors).prefix(errorLimit).map { place, ends in
            DeepCheck.Damage(
                guestOffset: place.range.lowerBound,
                byteCount: place.range.upperBound - place.range.lowerBound, error: ends.first,
                furtherCount: place.errorCount - 1)
        }
        return (damages, places.count + uncountedCount)
    }
}
