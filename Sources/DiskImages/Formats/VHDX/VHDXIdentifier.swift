// The identifiers that a VHDX has for everything.
// SPDX-License-Identifier: Apache-2.0

/// GUIDs, as they are stored: sixteen bytes, the first three fields with their lowest byte first.
enum VHDXIdentifier {
    /// Says that there is nothing.
    static let none = [UInt8](repeating: 0, count: 16)

    /// The stored form of `text`, such as `{2dc27766-f623-4200-9d64-115e9bfd4a08}`, in any case; nil for anything else.
    static func stored(_ text: some StringProtocol) -> [UInt8]? {
        guard text.first == "{", text.last == "}", text.utf8.count == 38 else { return nil }
        let fields = text.dropFirst().dropLast().split(separator: "-", omittingEmptySubsequences: false)
        guard fields.map(\.utf8.count) == [8, 4, 4, 4, 12] else { return nil }
        var bytes: [UInt8] = []
        for (index, field) in fields.enumerated() {
            var value: [UInt8] = []
            var rest = Array(field.utf8)[...]
            while !rest.isEmpty {
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit)
                else {
                    return nil
                }
                value.append(high << 4 | low)
            }
            bytes += index < 3 ? value.reversed() : value
        }
        return bytes
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
