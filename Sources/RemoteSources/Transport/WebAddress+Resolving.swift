// What a reference, such as that of a redirection, stands for.
// SPDX-License-Identifier: Apache-2.0

extension WebAddress {
    /// The address that `reference` names, seen from this one.
    /// Spec: RFC 3986, 5.2.
    package func resolving(_ reference: String) throws(AddressError) -> WebAddress {
        let bytes = Array(reference.utf8)
        guard bytes.count <= Self.largestByteCount else {
            throw AddressError("is longer than \(Self.largestByteCount) bytes")
        }
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw AddressError("has a control character in it")
        }
        if Self.hasScheme(bytes) { return try WebAddress(reference) }
        if bytes.starts(with: "//".utf8) {
            return try WebAddress("\(origin.scheme.rawValue):\(reference)")
        }
        guard bytes.first != UInt8(ascii: "\\") else { throw AddressError("begins with a backslash") }
        let mark = bytes.firstIndex { "?#".utf8.contains($0) } ?? bytes.endIndex
        let target: [UInt8]
        switch bytes.first {
        case nil, UInt8(ascii: "#"):
            target = Array((path + (query.map { "?\($0)" } ?? "")).utf8)
        case UInt8(ascii: "?"):
            target = Array(path.utf8) + bytes
        case UInt8(ascii: "/"):
            target = Self.withoutDots(bytes[..<mark]) + bytes[mark...]
        default:
            let own = Array(path.utf8)
            let folder = own[..<((own.lastIndex(of: UInt8(ascii: "/")) ?? 0) + 1)]
            target = Self.withoutDots(folder + bytes[..<mark]) + bytes[mark...]
        }
        return try WebAddress(origin, pathAndQuery: target[...])
    }

    private static func hasScheme(_ bytes: [UInt8]) -> Bool {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes.first?.isLetter == true else {
            return false
        }
        return bytes[..<colon].allSatisfy { $0.isLetterOrDigit || "+-.".utf8.contains($0) }
    }

    /// Spec: RFC 3986, 5.2.4.
    private static func withoutDots(_ path: ArraySlice<UInt8>) -> [UInt8] {
        var kept: [ArraySlice<UInt8>] = []
        let segments = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (number, segment) in segments.enumerated() {
            let isLast = number + 1 == segments.count
            switch String(decoding: segment, as: UTF8.self) {
            case ".":
                if isLast { kept.append([]) }
            case "..":
                _ = kept.popLast()
                if isLast { kept.append([]) }
            default:
                kept.append(segment)
            }
        }
        return kept.flatMap { [UInt8(ascii: "/")] + $0 }
    }
}
