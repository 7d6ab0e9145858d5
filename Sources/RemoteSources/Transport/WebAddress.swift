// An address of the web, taken apart and checked once.
// SPDX-License-Identifier: Apache-2.0

/// An address of http or https. What is shown of it has no user, password, query or fragment.
/// Spec: RFC 3986, 3; RFC 9110, 4.2.
package struct WebAddress: Sendable, Hashable {
    /// Who is asked with the first request that goes to this address.
    package struct UserInformation: Sendable, Hashable, CustomStringConvertible {
        /// `user:password` as it was meant, without percent signs.
        let bytes: [UInt8]

        package var description: String { "user information that is not shown" }
    }

    package let origin: WebOrigin
    package let userInformation: UserInformation?
    /// With its first slash; all that is no character of an address is written with percent signs.
    let path: String
    /// Behind the question mark; nil where there is none.
    let query: String?

    /// The longest address that is taken, in bytes.
    package static let largestByteCount = 8_192

    /// What is sent, and what libcurl is given: without user, password and fragment.
    package var text: String {
        "\(origin)\(path)" + (query.map { "?\($0)" } ?? "")
    }

    /// Takes `text` apart.
    package init(_ text: String) throws(AddressError) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.largestByteCount else {
            throw AddressError("is longer than \(Self.largestByteCount) bytes")
        }
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw AddressError("has a control character in it")
        }
        guard let schemeEnd = bytes.firstIndex(of: UInt8(ascii: ":")),
            let scheme = WebOrigin.Scheme(
                rawValue: String(decoding: bytes[..<schemeEnd], as: UTF8.self).lowercased()),
            bytes[schemeEnd...].starts(with: "://".utf8)
        else { throw AddressError("does not begin with http:// or https://") }
        let rest = bytes[(schemeEnd + 3)...]
        let authorityEnd = rest.firstIndex { "/?#\\".utf8.contains($0) } ?? rest.endIndex
        let authority = rest[..<authorityEnd]
        let hostStart = authority.lastIndex(of: UInt8(ascii: "@")).map { $0 + 1 } ?? authority.startIndex
        userInformation =
            hostStart == authority.startIndex
            ? nil : UserInformation(bytes: Self.decoded(authority[..<(hostStart - 1)]))
        origin = try Self.origin(scheme, authority[hostStart...])
        (path, query) = try Self.pathAndQuery(rest[authorityEnd...])
    }

    /// The same origin with another path.
    init(_ origin: WebOrigin, pathAndQuery: ArraySlice<UInt8>) throws(AddressError) {
        self.origin = origin
        userInformation = nil
        (path, query) = try Self.pathAndQuery(pathAndQuery)
        guard text.utf8.count <= Self.largestByteCount else {
            throw AddressError("is longer than \(Self.largestByteCount) bytes")
        }
    }

    private static func origin(
        _ scheme: WebOrigin.Scheme, _ text: ArraySlice<UInt8>
    ) throws(AddressError) -> WebOrigin {
        var host = text
        var port: UInt16?
        let bracket = text.lastIndex(of: UInt8(ascii: "]"))
        if let colon = text.lastIndex(of: UInt8(ascii: ":")), colon > bracket ?? -1 {
            host = text[..<colon]
            let digits = text[(colon + 1)...]
            if !digits.isEmpty {
                guard digits.count <= 5, digits.allSatisfy({ (0x30...0x39).contains($0) }),
                    let number = UInt16(String(decoding: digits, as: UTF8.self)), number > 0
                else { throw AddressError("names a port that is not one") }
                port = number
            }
        }
        let name = String(decoding: host, as: UTF8.self).lowercased()
        let isNumber = host.first == UInt8(ascii: "[")
        let isRight =
            isNumber
            ? host.last == UInt8(ascii: "]") && host.count > 3
                && host.dropFirst().dropLast().allSatisfy { "0123456789abcdefABCDEF:.".utf8.contains($0) }
            : !host.isEmpty && host.count <= 255
                && host.allSatisfy { $0.isLetterOrDigit || "-._~".utf8.contains($0) }
        guard isRight else {
            throw AddressError("names no host: letters, digits, dots and hyphens, or [an IPv6 address]")
        }
        return WebOrigin(scheme: scheme, host: name, port: port)
    }

    private static func pathAndQuery(_ text: ArraySlice<UInt8>) throws(AddressError) -> (String, String?) {
        guard text.first != UInt8(ascii: "\\") else { throw AddressError("has a backslash behind its host") }
        let text = text.prefix { $0 != UInt8(ascii: "#") }
        guard let mark = text.firstIndex(of: UInt8(ascii: "?")) else {
            return (encoded(text).isEmpty ? "/" : encoded(text), nil)
        }
        let path = encoded(text[..<mark])
        return (path.isEmpty ? "/" : path, encoded(text[(mark + 1)...]))
    }

    /// Writes with percent signs what has no place in an address; a percent sign stays as it is.
    private static func encoded(_ text: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        for byte in text {
            if (0x21...0x7e).contains(byte), !"\"<>\\^`{|}".utf8.contains(byte) {
                result.append(byte)
            } else {
                result += [UInt8(ascii: "%"), hexadecimal(byte >> 4), hexadecimal(byte & 15)]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10
    }

    /// What stands behind the last slash of the path, without percent signs.
    package var lastPathComponent: [UInt8] {
        Self.decoded(Array(path.utf8).split(separator: UInt8(ascii: "/")).last ?? [])
    }

    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, digits.allSatisfy(\.isHexadecimalDigit),
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return result
    }
}

extension WebAddress: CustomStringConvertible {
    package var description: String { "\(origin)\(path)" }
}

extension UInt8 {
    var isLetter: Bool { (0x41...0x5a).contains(self) || (0x61...0x7a).contains(self) }
    var isLetterOrDigit: Bool { isLetter || (0x30...0x39).contains(self) }
    var isHexadecimalDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x46).contains(self) || (0x61...0x66).contains(self)
    }
}
