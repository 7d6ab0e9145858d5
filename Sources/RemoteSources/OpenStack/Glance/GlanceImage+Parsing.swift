// An image from the service's answer.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

extension GlanceImage {
    /// Names and values of properties are no longer, in bytes; the service has the same bounds. Longer ones are left out.
    private static let propertyNameLimit = 255
    private static let propertyValueLimit = 65_535
    /// Names, owners, formats and other texts of the service, in bytes.
    private static let textLimit = 1_024

    /// What is a member of every image, and so no property.
    private static let members: Set<String> = [
        "id", "name", "status", "container_format", "disk_format", "size", "virtual_size", "checksum",
        "os_hash_algo",
        "os_hash_value", "created_at", "updated_at", "os_hidden", "visibility", "owner", "min_disk",
        "min_ram",
        "protected", "tags", "file", "self", "schema", "locations", "direct_url", "stores", "deleted",
        "deleted_at",
        "members",
    ]
    private static let memberNames = Set(members.map { Array($0.utf8) })

    /// Whether every image has a member of this name, so that no property can.
    package static func isMember(_ name: String) -> Bool { memberNames.contains(Array(name.utf8)) }

    /// - Throws: `OpenStackError` of kind `malformed`, which says what is wrong.
    init(_ value: JSONValue) throws(OpenStackError) {
        guard let object = value.object else {
            throw Self.malformed("an image that is \(value.kind)")
        }
        guard let id = try Self.text("id", of: object, nil), Self.isID(id) else {
            throw Self.malformed("an image without an id that is a UUID")
        }
        self.id = id.lowercased()
        name = try Self.text("name", of: object, id)
        guard let status = try Self.text("status", of: object, id) else {
            throw Self.malformed("image \(id) without a status")
        }
        self.status = Status(status)
        containerFormat = try Self.text("container_format", of: object, id)
        diskFormat = try Self.text("disk_format", of: object, id)
        byteCount = try Self.number("size", of: object, id)
        virtualByteCount = try Self.number("virtual_size", of: object, id)
        (digestAlgorithm, digest) = try Self.digest(of: object, id)
        checksum = try Self.text("checksum", of: object, id).flatMap { $0.isEmpty ? nil : $0 }
        createdAt = try Self.text("created_at", of: object, id).flatMap(ServiceTime.init)
        updatedAtText = try Self.text("updated_at", of: object, id) ?? ""
        updatedAt = ServiceTime(updatedAtText)
        isHidden = object["os_hidden"]?.boolean ?? false
        visibility = try Self.text("visibility", of: object, id)
        owner = try Self.text("owner", of: object, id)
        leastDiskSize = try Self.number("min_disk", of: object, id)
        leastMemorySize = try Self.number("min_ram", of: object, id)
        properties = Self.properties(of: object)
    }

    /// Its digest; of a service before 2018, and of images of that time, the MD5 of all of it.
    private static func digest(
        of object: JSONObject, _ id: String
    ) throws(OpenStackError) -> (algorithm: String?, digits: String?) {
        if let digits = try text("os_hash_value", of: object, id), !digits.isEmpty {
            return (try text("os_hash_algo", of: object, id), digits)
        }
        guard let digits = try text("checksum", of: object, id), !digits.isEmpty else { return (nil, nil) }
        return ("md5", digits)
    }

    /// The digest that data is compared with: where that of the service is of a kind that is not known here, the MD5 that it
    /// has beside it; nil where it has none.
    package var comparableDigest: (algorithm: String, digits: String)? {
        guard let digest else { return nil }
        let algorithm = digestAlgorithm ?? ""
        guard UploadDigest(algorithm) == nil, let checksum else { return (algorithm, digest) }
        return ("md5", checksum)
    }

    private static func text(
        _ name: String, of object: JSONObject, _ id: String?
    ) throws(OpenStackError) -> String? {
        guard let value = object[name], value != .null else { return nil }
        guard let text = value.string else {
            throw malformed("\(id.map { "image \($0)" } ?? "an image") whose \(name) is \(value.kind)")
        }
        guard text.utf8.count <= textLimit else {
            throw malformed("\(id.map { "image \($0)" } ?? "an image") whose \(name) is very long")
        }
        return text
    }

    private static func number(
        _ name: String, of object: JSONObject, _ id: String
    ) throws(OpenStackError) -> UInt64? {
        guard let value = object[name], value != .null else { return nil }
        // Offsets within a file are no larger, wherever the file is.
        guard let number = value.unsigned, number <= UInt64(Int64.max) else {
            throw malformed("image \(id) whose \(name) is no number of that kind")
        }
        return number
    }

    private static func properties(of object: JSONObject) -> [Property] {
        object.members
            .filter { !memberNames.contains($0.key) && $0.key.count <= propertyNameLimit }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .compactMap { name, value in
                let text: String? =
                    switch value {
                    case .string(let text): text
                    case .number(let text): text
                    case .boolean(let isTrue): isTrue ? "true" : "false"
                    case .null, .array, .object: nil
                    }
                guard let text, text.utf8.count <= propertyValueLimit else { return nil }
                return Property(name: String(decoding: name, as: UTF8.self), value: text)
            }
    }

    private static func malformed(_ reason: String) -> OpenStackError {
        OpenStackError(.malformed, "the image service answered with \(reason)")
    }
}

extension GlanceImage.Status {
    /// Spec: Image API v2, "Image statuses".
    init(_ text: String) {
        self =
            switch ASCIIWord(folding: text) {
            case "active": .active
            case "queued": .queued
            case "saving", "uploading", "importing": .incoming(text)
            case "deactivated": .deactivated
            case "deleted", "pending_delete": .deleted
            case "killed": .killed
            default: .unknown(text)
            }
    }
}
