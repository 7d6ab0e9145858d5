// Several sources, one after the other, read as one: the pieces of a disk that was cut into chunks.
// SPDX-License-Identifier: Apache-2.0

/// The bytes of several sources in order.
package struct ConcatenatedSource: ByteSource {
    private var parts: [any ByteSource]
    /// Where each part starts, in bytes, ascending; the last number is the length of the whole.
    private let starts: [UInt64]

    package var byteCount: UInt64 { starts.last ?? 0 }

    /// - Throws: `ReadError.corrupt` where the lengths add up to more than 2^64 bytes.
    package init(_ parts: [any ByteSource], named name: String) throws(ReadError) {
        var starts: [UInt64] = [0]
        var end: UInt64 = 0
        for part in parts {
            end = try end.adding(part.byteCount, in: name, at: end)
            starts.append(end)
        }
        self.parts = parts
        self.starts = starts
    }

    package func read(_ count: Int, at offset: UInt64, into output: inout OutputRawSpan) throws(ReadError) {
        try checkRange(count, at: offset, named: "joined parts")
        var position = offset
        var remaining = count
        while remaining > 0 {
            let index = partIndex(containing: position)
            let step = Int(min(UInt64(remaining), starts[index + 1] - position))
            try parts[index].read(step, at: position - starts[index], into: &output)
            position += UInt64(step)
            remaining -= step
        }
    }

    package func gather(_ count: Int, at offset: UInt64, into list: GatherList) throws(ReadError) {
        try checkRange(count, at: offset, named: "joined parts")
        var position = offset
        var remaining = count
        while remaining > 0 {
            let index = partIndex(containing: position)
            let step = Int(min(UInt64(remaining), starts[index + 1] - position))
            try parts[index].gather(step, at: position - starts[index], into: list)
            position += UInt64(step)
            remaining -= step
        }
    }

    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        var rest = range.clamped(to: 0..<byteCount)
        while !rest.isEmpty {
            let index = partIndex(containing: rest.lowerBound)
            let start = starts[index]
            let end = min(starts[index + 1], rest.upperBound)
            if let found = try parts[index].firstOffset(
                of: region, in: (rest.lowerBound - start)..<(end - start))
            {
                return start + found
            }
            rest = end..<rest.upperBound
        }
        return nil
    }

    package func prepare(_ range: Range<UInt64>) {
        var rest = range.clamped(to: 0..<byteCount)
        while !rest.isEmpty {
            let index = partIndex(containing: rest.lowerBound)
            let start = starts[index]
            let end = min(starts[index + 1], rest.upperBound)
            parts[index].prepare((rest.lowerBound - start)..<(end - start))
            rest = end..<rest.upperBound
        }
    }

    package func isAtHand(_ range: Range<UInt64>) -> Bool {
        var rest = range.clamped(to: 0..<byteCount)
        while !rest.isEmpty {
            let index = partIndex(containing: rest.lowerBound)
            let start = starts[index]
            let end = min(starts[index + 1], rest.upperBound)
            guard parts[index].isAtHand((rest.lowerBound - start)..<(end - start)) else { return false }
            rest = end..<rest.upperBound
        }
        return true
    }

    package var arrivesInOrder: Bool { parts.contains(where: \.arrivesInOrder) }

    package var withoutReadAhead: any ByteSource {
        var copy = self
        copy.parts = parts.map(\.withoutReadAhead)
        return copy
    }

    package func validate() throws(ReadError) {
        for part in parts { try part.validate() }
    }

    /// Looks at the parts that `range` touches only: a disk may be in thousands.
    package func validate(_ range: Range<UInt64>) throws(ReadError) {
        var rest = range.clamped(to: 0..<byteCount)
        while !rest.isEmpty {
            let index = partIndex(containing: rest.lowerBound)
            let start = starts[index]
            let end = min(starts[index + 1], rest.upperBound)
            try parts[index].validate((rest.lowerBound - start)..<(end - start))
            rest = end..<rest.upperBound
        }
    }

    package var isNear: Bool { parts.allSatisfy(\.isNear) }

    /// The part that holds the byte at `position`, which is inside the whole. Parts of no length share their start with
    /// the next one; the last of them has the byte.
    private func partIndex(containing position: UInt64) -> Int {
        var low = 0
        var high = parts.count
        while low + 1 < high {
            let middle = (low + high) / 2
            if starts[middle] <= position { low = middle } else { high = middle }
        }
        return low
    }
}
