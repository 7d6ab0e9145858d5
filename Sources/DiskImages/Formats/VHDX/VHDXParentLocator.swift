// What a differencing VHDX says of its parent.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The keys and values that lead to the parent.
/// Spec: [MS-VHDX], 2.6.2.6.
enum VHDXParentLocator {
    private static let type = VHDXIdentifier.stored("{b04aefb7-d19e-4a81-b789-25b8e9445913}")
    private static let namesInOrder = ["relative_path", "volume_path", "absolute_win32_path"]
    private static let linkages = ["parent_linkage", "parent_linkage2"]

    /// - Throws: `ReadError.corrupt` where the record breaks a rule, or does not say which disk and which state of it is the
    ///   parent; `ReadError.unsupported` for other types.
    static func reference(in record: OnDiskRecord) throws(ReadError) -> ParentReference {
        guard try Array(record.slice(16, at: 0)) == type else {
            throw .unsupported(feature: "\(record.name) is of a type that is not known")
        }
        let values = try values(in: record)
        var names: [[UInt8]] = []
        for key in namesInOrder {
            guard let name = values[key].flatMap({ StoredName.lastComponent(of: $0) }), !names.contains(name)
            else {
                continue
            }
            names.append(name)
        }
        guard !names.isEmpty else { throw record.corrupt(at: 16, "nothing in it names the parent") }
        let linkages = Self.linkages.compactMap { values[$0] }
            .compactMap { VHDXIdentifier.stored($0) }.filter { $0 != VHDXIdentifier.none }
        guard !linkages.isEmpty else {
            throw record.corrupt(at: 16, "it does not say which state of the parent it builds on")
        }
        return ParentReference(names: names, identities: linkages.map { .vhdx($0) })
    }

    /// The values of the keys that are known; of one that is there twice, the first. What is no text is left out.
    private static func values(in record: OnDiskRecord) throws(ReadError) -> [String: String] {
        var values: [String: String] = [:]
        var missing = namesInOrder + linkages
        let count = Int(try record.littleEndian(UInt16.self, at: 18))
        for start in stride(from: 20, to: 20 + 12 * count, by: 12) {
            let key = try bytes(in: record, placeAt: start, byteCountAt: start + 8)
            let value = try bytes(in: record, placeAt: start + 4, byteCountAt: start + 10)
            // Others are not decoded: there may be many, of the same bytes.
            guard let index = missing.firstIndex(where: { $0.utf8.count * 2 == key.count && isText($0, key) })
            else { continue }
            values[missing.remove(at: index)] = StoredName.text(utf16: value, highestByteFirst: false)
        }
        return values
    }

    private static func isText(_ text: String, _ bytes: ArraySlice<UInt8>) -> Bool {
        StoredName.text(utf16: bytes, highestByteFirst: false) == text
    }

    private static func bytes(
        in record: OnDiskRecord, placeAt place: Int, byteCountAt byteCount: Int
    ) throws(ReadError) -> ArraySlice<UInt8> {
        let start = Int(try record.littleEndian(UInt32.self, at: place))
        return try record.slice(Int(try record.littleEndian(UInt16.self, at: byteCount)), at: start)
    }
}
