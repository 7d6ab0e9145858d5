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

    /// `name` without the image's own folder in front: `./disk.raw`, or the whole path of a file there, as some managers of
    /// virtual machines store it. It is compared, and not looked for: nothing outside of the folder is touched.
    static func withoutOwnFolder(_ name: [UInt8], among neighbours: any NeighbourFiles) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        guard let last = name.lastIndex(of: slash), last + 1 < name.count else { return name }
        let parts = name[..<last].split(separator: slash).map { Array($0) }
        let folder = parts.filter { $0 != Array(".".utf8) }
        let isOwn =
            name.first == slash
            ? !folder.contains(Array("..".utf8)) && neighbours.isFolder(at: folder) : folder.isEmpty
        return isOwn ? Array(name[(last + 1)...]) : name
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
