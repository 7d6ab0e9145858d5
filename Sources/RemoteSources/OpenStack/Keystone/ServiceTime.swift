// Points of time as OpenStack's services write them.
// SPDX-License-Identifier: Apache-2.0

/// A point of time in seconds since 1970, of a text such as `2026-11-21T00:10:29.000000Z`.
/// Spec: ISO 8601, the extended format in UTC.
package struct ServiceTime: Sendable, Hashable, Comparable {
    /// Whole seconds since the start of 1970.
    package let seconds: Int64

    /// Nil where the text is no such time. Fractions of a second are left out; `+00:00` is `Z`.
    package init?(_ text: String) {
        let bytes = Array(text.utf8.prefix(40))
        guard bytes.count >= 19, bytes.count == text.utf8.count,
            bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " "),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let year = Self.number(bytes[0..<4]), let month = Self.number(bytes[5..<7]),
            let day = Self.number(bytes[8..<10]), let hour = Self.number(bytes[11..<13]),
            let minute = Self.number(bytes[14..<16]), let second = Self.number(bytes[17..<19]),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var rest = bytes[19...]
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst().drop(while: { (0x30...0x39).contains($0) })
        }
        guard ["", "Z", "+00:00"].contains(String(decoding: rest, as: UTF8.self)) else { return nil }
        // Years begin in March, so that the day which is not always there is the last one.
        let marchYear = month > 2 ? year : year - 1
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let days = 365 * marchYear + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear - 719_468
        seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    }

    package static func < (left: ServiceTime, right: ServiceTime) -> Bool { left.seconds < right.seconds }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { 10 * $0 + Int64($1 - 0x30) }
    }
}
