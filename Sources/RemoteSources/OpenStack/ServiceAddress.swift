// Addresses of a service's resources.
// SPDX-License-Identifier: Apache-2.0

/// The address below which a service's paths begin, and those paths.
enum ServiceAddress {
    /// `address` without a slash and a version at its end: catalogues have `http://h/image`, `http://h:9292/v2/` and
    /// all between.
    static func base(of address: WebAddress) throws(AddressError) -> WebAddress {
        guard address.query == nil else {
            throw AddressError("has a question mark: it is no address of a service")
        }
        return try WebAddress(withoutVersion(address.text))
    }

    /// `path`, which begins with a slash, below `base`: what a service's links name is relative to its address, with
    /// that address's own path, and not to its host.
    static func address(_ base: WebAddress, _ path: String) throws(AddressError) -> WebAddress {
        var bytes = Array(base.text.utf8)
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        return try WebAddress(String(decoding: bytes, as: UTF8.self) + path)
    }

    /// Where Keystone is asked for tokens: `address` may end in `/v3`, in another version, or in none.
    static func tokens(of address: WebAddress) throws(AddressError) -> WebAddress {
        try self.address(base(of: address), "/v3/auth/tokens")
    }

    /// A value of a query, with all but letters, digits and `-._~` written with percent signs.
    static func queryValue(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if byte.isLetterOrDigit || "-._~".utf8.contains(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `text` without slashes at its end and a last part such as `v2` or `v2.1`.
    private static func withoutVersion(_ text: String) -> String {
        var bytes = Array(text.utf8)
        func dropSlashes() { while bytes.last == UInt8(ascii: "/") { bytes.removeLast() } }
        dropSlashes()
        if let slash = bytes.lastIndex(of: UInt8(ascii: "/")), isVersion(bytes[(slash + 1)...]),
            // A host may be named v2.
            slash > 0, bytes[slash - 1] != UInt8(ascii: "/")
        {
            bytes.removeSubrange(slash...)
            dropSlashes()
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isVersion(_ part: ArraySlice<UInt8>) -> Bool {
        guard part.first == UInt8(ascii: "v") || part.first == UInt8(ascii: "V") else { return false }
        let numbers = part.dropFirst().split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return (1...2).contains(numbers.count)
            && numbers.allSatisfy { !$0.isEmpty && $0.allSatisfy { (0x30...0x39).contains($0) } }
    }
}
