// What an entry of the first-level table of a qcow image says.
// SPDX-License-Identifier: Apache-2.0

/// Where a second-level table is.
///
/// Spec: QEMU, docs/interop/qcow2, "L1 table entry".
enum QCOWTableEntry: Equatable {
    case absent
    /// The table starts at this byte of the file.
    case table(at: UInt64)
    case invalid(QCOWEntry.Reason)

    /// Bits 0 to 8 and 56 to 62.
    private static let reserved: UInt64 = 0x7f00_0000_0000_01ff

    init(_ entry: UInt64, _ geometry: QCOWGeometry) {
        guard entry != 0 else {
            self = .absent
            return
        }
        guard geometry.isAligned else {
            self = .table(at: entry)
            return
        }
        let place = entry & QCOWEntry.placeMask
        if entry & Self.reserved != 0 {
            self = .invalid(.reserved)
        } else if place == 0 {
            self = .invalid(.markedWithoutPlace)
        } else {
            self = place & (geometry.clusterByteCount - 1) == 0 ? .table(at: place) : .invalid(.unaligned)
        }
    }
}
