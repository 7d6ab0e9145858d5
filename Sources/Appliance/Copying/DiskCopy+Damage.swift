// Copying what can be read of a damaged stretch.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension DiskCopy {
    /// Adds bytes `range` of the disk to `buffer`, with zeros for what cannot be read, after a read of all of it has
    /// failed with `error`.
    /// - Throws: `error` where it is no damage, or damage ends the copy.
    func appendReadable(
        _ range: Range<UInt64>, to buffer: CopyBuffer, after error: ReadError
    ) throws(CopyError) {
        guard let damage, error.isDamage else { throw .source(error) }
        let search = DamageSearch(
            place: place,
            read: { part throws(ReadError) in try self.append(part, to: buffer) },
            note: { part, _ throws(CopyError) in
                try damage.note(part)
                buffer.appendZeros(Int(part.upperBound - part.lowerBound))
            })
        try search.run(in: range)
    }
}
