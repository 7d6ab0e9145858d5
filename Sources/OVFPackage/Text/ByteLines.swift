// The lines of a file's bytes, one at a time.
// SPDX-License-Identifier: Apache-2.0

/// The lines of a text, without their line feeds; as `split` gives them, empty ones too, and no list of them is made.
struct ByteLines: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>?

    init(_ text: ArraySlice<UInt8>) {
        rest = text
    }

    mutating func next() -> ArraySlice<UInt8>? {
        guard let text = rest else { return nil }
        guard let end = text.firstIndex(of: 0x0a) else {
            rest = nil
            return text
        }
        rest = text[(end + 1)...]
        return text[..<end]
    }
}
