// Which guest bytes an error of a read is about.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

extension GuestDisk {
    /// The guest bytes of the extent that `error`, which a read of `range` met, is about; nil where it is about none.
    package func bytes(damagedBy error: ReadError, in range: Range<UInt64>) -> Range<UInt64>? {
        var position = range.lowerBound
        let end = min(range.upperBound, byteCount)
        while position < end {
            guard let extent = try? extent(containing: position), extent.guestEnd > position else {
                return nil
            }
            if extent.storage.isDamaged(by: error) { return extent.guestOffset..<extent.guestEnd }
            position = extent.guestEnd
        }
        return nil
    }
}

extension Extent.Storage {
    /// Whether a read of the stretch may fail with `error`: a cluster's errors name the place that it is stored at.
    fileprivate func isDamaged(by error: ReadError) -> Bool {
        switch (self, error) {
        case (.damaged(let own), _): own == error
        case (.compressed(let cluster), .corrupt(_, let offset, _)): cluster.storedOffset == offset
        default: false
        }
    }
}
