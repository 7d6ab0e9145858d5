// Numbers of bytes for people.
// SPDX-License-Identifier: Apache-2.0

enum ByteCount {
    private static let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

    /// Such as `512 B`, `1.5 GiB`: units of 1024, one digit behind the point below 10.
    static func text(_ byteCount: UInt64) -> String {
        var value = Double(byteCount)
        var unit = 0
        // What would be rounded to 1024 is 1 of the next unit.
        while value >= 1023.5 || (unit == 0 && value >= 1024), unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        guard unit > 0 else { return "\(byteCount) B" }
        let tenths = (value * 10).rounded()
        return tenths < 100
            ? "\(Int(tenths) / 10).\(Int(tenths) % 10) \(units[unit])"
            : "\(Int(value.rounded())) \(units[unit])"
    }
}
