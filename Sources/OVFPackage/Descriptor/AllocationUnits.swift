// Units of capacities, in every spelling that is seen.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// What a number of a descriptor is multiplied with to give bytes.
/// Spec: DSP0004, C.1 "Programmatic units"; the spellings that are older than it mean powers of two.
struct AllocationUnits: Equatable {
    /// At least 1.
    let byteCount: UInt64

    private static let names: [String: UInt64] = {
        var names: [String: UInt64] = ["byte": 1, "bytes": 1, "b": 1]
        for (power, prefix) in ["kilo", "mega", "giga", "tera", "peta"].enumerated() {
            let value = UInt64(1) << UInt64(10 * (power + 1))
            let letter = String(prefix.prefix(1))
            for name in [letter, letter + "b", letter + "ib", prefix + "byte", prefix + "bytes"] {
                names[name] = value
            }
            for name in ["kibi", "mebi", "gibi", "tebi", "pebi"] where name.first == prefix.first {
                names[name + "byte"] = value
                names[name + "bytes"] = value
            }
        }
        return names
    }()

    /// Longest text that is looked at, in bytes.
    private static let maximumByteCount = 1_000

    /// No text means bytes; nil where the text is no unit of bytes or the number is too large.
    init?(_ text: String?) {
        guard (text ?? "").utf8.count <= Self.maximumByteCount else { return nil }
        let bytes = (text ?? "").utf8.filter { $0 != 0x20 && !(0x09...0x0d).contains($0) }
        guard let plain = ASCIIWord(folding: bytes[...])?.text else { return nil }
        guard !plain.isEmpty else {
            byteCount = 1
            return
        }
        var product: UInt64 = 1
        for (index, factor) in plain.split(separator: "*", omittingEmptySubsequences: false).enumerated() {
            guard let value = index == 0 ? Self.names[String(factor)] : Self.number(factor) else {
                return nil
            }
            let (next, overflow) = product.multipliedReportingOverflow(by: value)
            guard !overflow, next > 0 else { return nil }
            product = next
        }
        byteCount = product
    }

    /// `1024` or `2^10`.
    private static func number(_ text: Substring) -> UInt64? {
        let parts = text.split(separator: "^", omittingEmptySubsequences: false)
        guard let base = parts.first.flatMap({ UInt64($0) }), parts.count <= 2 else { return nil }
        guard parts.count == 2 else { return base }
        guard let exponent = Int(parts[1]), (0...63).contains(exponent) else { return nil }
        var value: UInt64 = 1
        for _ in 0..<exponent {
            let (next, overflow) = value.multipliedReportingOverflow(by: base)
            guard !overflow else { return nil }
            value = next
        }
        return value
    }

    /// `number` of these units in bytes; nil where that is too large.
    func bytes(_ number: UInt64) -> UInt64? {
        let (product, overflow) = number.multipliedReportingOverflow(by: byteCount)
        return overflow ? nil : product
    }
}
