// What a user says of an image that is to be made.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import RemoteSources

/// The options that `openstack image create` has, too.
struct ImageArguments: ParsableArguments {
    /// What a service can store of sizes in GiB and MiB.
    static let mostSize = UInt64(Int32.max)
    /// Names and tags, in characters.
    private static let longestText = 255

    @Option(help: ArgumentHelp("What the image is called.", valueName: "name"))
    var name: String

    @Option(
        help: ArgumentHelp(
            "The disk format that the service is told: raw or iso, or of a file as stored vmdk, qcow2, …; by default what the bytes are.",
            valueName: "format"))
    var diskFormat: String?

    @Option(
        help: ArgumentHelp(
            "The container format that the service is told: bare, ova, compressed, …; by default what the bytes are.",
            valueName: "format"))
    var containerFormat: String?

    @Option(
        help: ArgumentHelp(
            "A property of the image; can be repeated. It counts more than what the descriptor says, and 'key=' leaves that out.",
            valueName: "key=value"), transform: ImageArguments.parseProperty)
    var property: [Property] = []

    @Option(help: ArgumentHelp("A tag of the image; can be repeated.", valueName: "tag"))
    var tag: [String] = []

    @Option(
        help: ArgumentHelp(
            "The smallest disk that the image fits on, in GiB; by default the disk's size.", valueName: "gib"),
        transform: ImageArguments.parseSize)
    var minDisk: UInt64?

    @Option(
        help: ArgumentHelp("The memory that a server needs for it, in MiB.", valueName: "mib"),
        transform: ImageArguments.parseSize)
    var minRam: UInt64?

    @Flag(help: "Everyone may use the image.")
    var `public` = false

    @Flag(help: "Only its project may use the image.")
    var `private` = false

    @Flag(help: "Projects that are named later may use the image, too.")
    var shared = false

    @Flag(help: "Everyone may use the image who knows it.")
    var community = false

    @Flag(help: "The service refuses to delete the image, once it is complete.")
    var protected = false

    struct Property: Sendable {
        let name: String
        let value: String
    }

    func validate() throws {
        guard !name.isEmpty else { throw ValidationError("--name needs a name") }
        guard name.unicodeScalars.count <= Self.longestText else {
            throw ValidationError(
                "--name is longer than the \(Self.longestText) characters that services take")
        }
        guard tag.allSatisfy({ !$0.isEmpty && $0.unicodeScalars.count <= Self.longestText }) else {
            throw ValidationError("--tag needs 1 to \(Self.longestText) characters")
        }
        // What is no UTF-8 came here as that mark.
        guard !([name] + tag).contains(where: { $0.unicodeScalars.contains("\u{fffd}") }) else {
            throw ValidationError("--name and --tag take UTF-8 only")
        }
        var names: Set<[UInt8]> = []
        for property in property where !names.insert(Array(property.name.utf8)).inserted {
            throw ValidationError("--property \(property.name) is given twice")
        }
        guard visibilities.count <= 1 else {
            throw ValidationError("--\(visibilities[0]) and --\(visibilities[1]) exclude each other")
        }
    }

    private var visibilities: [String] {
        [("public", `public`), ("private", `private`), ("shared", shared), ("community", community)]
            .filter(\.1).map(\.0)
    }

    /// What the service is told of `plan`.
    func image(of plan: UploadPlan) -> NewImage {
        var properties = plan.properties.map { GlanceImage.Property(name: $0.name, value: $0.value) }
        for own in property {
            properties.removeAll { $0.name.utf8.elementsEqual(own.name.utf8) }
            if !own.value.isEmpty { properties.append(.init(name: own.name, value: own.value)) }
        }
        var image = NewImage(
            name: name, containerFormat: plan.containerFormat, diskFormat: plan.diskFormat,
            visibility: visibilities.first, leastDiskSize: minDisk ?? plan.leastDiskSize,
            leastMemorySize: minRam, properties: properties)
        image.tags = tag
        image.isProtected = protected
        return image
    }

    private static func parseProperty(_ text: String) throws -> Property {
        guard let sign = text.firstIndex(of: "="), sign != text.startIndex else {
            throw ValidationError("'\(text)' is no property: write key=value")
        }
        let name = String(text[..<sign])
        guard !GlanceImage.isMember(name) else {
            throw ValidationError(
                "'\(name)' is what each image has, and no property: look for an option of its own"
            )
        }
        return Property(name: name, value: String(text[text.index(after: sign)...]))
    }

    private static func parseSize(_ text: String) throws -> UInt64 {
        guard let size = UInt64(text), size <= mostSize else {
            throw ValidationError("'\(text)' is not a number of 0 to \(mostSize)")
        }
        return size
    }
}
