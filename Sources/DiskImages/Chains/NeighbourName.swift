// The names by which one image leads to another.
// SPDX-License-Identifier: Apache-2.0

/// The rules for a name that an image has of another file: a file in its own folder, and nothing else.
enum NeighbourName {
    /// Why `name` is not followed; nil where it is.
    static func problem(with name: [UInt8]) -> String? {
        if name.isEmpty { return "it is empty" }
        if name.contains(0) { return "it has a NUL" }
        if name.count > 255 { return "it is longer than a name can be" }
        if name == Array(".".utf8) || name == Array("..".utf8) { return "it names a folder" }
        if name.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }) {
            return "it leads to another folder, and only files beside the image are opened"
        }
        if hasScheme(name) { return "it is an address, and only files beside the image are opened" }
        return nil
    }

    /// Whether it starts as `nbd:` and `json:` do.
    /// Spec: RFC 3986, 3.1.
    private static func hasScheme(_ name: [UInt8]) -> Bool {
        guard let colon = name.firstIndex(of: UInt8(ascii: ":")), let first = name.first,
            Unicode.Scalar(first).properties.isAlphabetic, first < 0x80
        else { return false }
        return name[..<colon].allSatisfy { byte in
            let scalar = Unicode.Scalar(byte)
            return byte < 0x80
                && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                    || ["+", "-", "."].contains(Character(scalar)))
        }
    }
}
