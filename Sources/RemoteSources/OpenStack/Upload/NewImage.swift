// An image that is to be made.
// SPDX-License-Identifier: Apache-2.0

/// What the service is told of a new image.
/// Spec: Image API v2, "Create image".
package struct NewImage: Sendable, Equatable {
    package var name: String
    package var containerFormat: String
    package var diskFormat: String
    /// Nil: the service's own choice, which is `shared`.
    package var visibility: String?
    /// In GiB; nil: none is asked for.
    package var leastDiskSize: UInt64?
    /// In MiB; nil: none is asked for.
    package var leastMemorySize: UInt64?
    /// Such as `vmware_adaptertype` and `hw_disk_bus`.
    package var properties: [GlanceImage.Property]
    package var tags: [String] = []
    /// Whether the service is to refuse deleting it, once it is complete.
    package var isProtected = false

    package init(
        name: String, containerFormat: String, diskFormat: String, visibility: String? = nil,
        leastDiskSize: UInt64? = nil, leastMemorySize: UInt64? = nil, properties: [GlanceImage.Property] = []
    ) {
        self.name = name
        self.containerFormat = containerFormat
        self.diskFormat = diskFormat
        self.visibility = visibility
        self.leastDiskSize = leastDiskSize
        self.leastMemorySize = leastMemorySize
        self.properties = properties
    }

    /// The body that asks for it. The id is ours, so that an image whose answer was lost is known all the same.
    func requestBody(id: String) -> [UInt8] {
        // What the image is counts more than a property of the same name.
        var members = properties.map { (name: $0.name, value: JSONValue.string($0.value)) }
        members.append((name: "id", value: .string(id)))
        members.append((name: "name", value: .string(name)))
        members.append((name: "container_format", value: .string(containerFormat)))
        members.append((name: "disk_format", value: .string(diskFormat)))
        if let visibility { members.append((name: "visibility", value: .string(visibility))) }
        if let leastDiskSize { members.append((name: "min_disk", value: .number("\(leastDiskSize)"))) }
        if let leastMemorySize { members.append((name: "min_ram", value: .number("\(leastMemorySize)"))) }
        if !tags.isEmpty { members.append((name: "tags", value: .array(tags.map(JSONValue.string)))) }
        return JSONValue.object(JSONObject(members)).text
    }

    /// A random id.
    /// Spec: RFC 9562, version 4.
    static func randomID() -> String {
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        let characters = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
            text += [characters[Int(byte >> 4)], characters[Int(byte & 15)]]
        }
        return String(decoding: text, as: UTF8.self)
    }
}
