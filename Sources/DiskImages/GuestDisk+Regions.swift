// Where a guest disk has data and where holes.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

extension GuestDisk {
    /// Goes by the layers, to the end of the search.
    /// - Throws: `ReadError.wouldWait` where one step is not enough and this thread may not wait.
    package func firstOffset(of region: Region, in range: Range<UInt64>) throws(ReadError) -> UInt64? {
        guard isLayered || imageByteCount != byteCount else {
            let found = try image.firstOffset(of: region, in: range)
            // All that lies before what was found is of the other kind.
            try validateMap(of: range.lowerBound..<(found.map { $0 + 1 } ?? range.upperBound))
            return found
        }
        var rest = range
        while true {
            switch try searchStep(for: region, in: rest) {
            case .found(let offset): return offset
            case .absent: return nil
            case .unfinished(let position):
                guard Patience.current == .waits else { throw .wouldWait }
                try PatientRead.checkCancellation()
                rest = position..<range.upperBound
            }
        }
    }

    package func searchStep(for region: Region, in range: Range<UInt64>) throws(ReadError) -> RegionSearch {
        let found =
            isLayered || imageByteCount != byteCount
            ? try searchLayers(for: region, in: range) : try image.searchStep(for: region, in: range)
        let end =
            switch found {
            case .found(let position): position + 1
            case .unfinished(let position): position
            case .absent: range.upperBound
            }
        try validateMap(of: range.lowerBound..<end)
        return found
    }

    /// Goes by the extents of the layers, a bounded number of them. What is damaged counts as data.
    private func searchLayers(
        for region: Region, in range: Range<UInt64>
    ) throws(ReadError) -> RegionSearch {
        var cursor = LayerCursor()
        var position = range.lowerBound
        for _ in 0..<RegionSearch.extentsPerStep {
            guard position < range.upperBound else { return .absent }
            let found = try extent(containing: position, &cursor)
            let end = min(found.extent.guestEnd, range.upperBound)
            switch found.extent.storage {
            case .stored:
                // What is stored as it is may lie in a hole of its file, which the layer knows.
                let shift = found.layerOffset &- found.extent.guestOffset
                let inside = (position &+ shift)..<(end &+ shift)
                if let offset = try layers[found.layer].image.firstOffset(of: region, in: inside) {
                    return .found(at: offset &- shift)
                }
            default:
                if found.extent.isHole == (region == .hole) { return .found(at: position) }
            }
            position = end
        }
        return position < range.upperBound ? .unfinished(at: position) : .absent
    }
}
