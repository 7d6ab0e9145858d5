// Packages that are small and ask for much: each makes two numbers of a file meet whose product is a bomb.
// SPDX-License-Identifier: Apache-2.0

/// A package that means harm. In full size it is below 64 MiB and would take gigabytes, or minutes.
package struct Bomb: Sendable, CustomStringConvertible {
    /// What multiplies with what.
    package let name: String
    private let archive: @Sendable (BombSize) -> [UInt8]

    package var description: String { name }

    init(_ name: String, _ archive: @escaping @Sendable (BombSize) -> [UInt8]) {
        self.name = name
        self.archive = archive
    }

    /// The archive at full size, as it would be sent.
    package var bytes: [UInt8] { archive(BombSize(divisor: 1)) }
    /// The same with each count and length `divisor` times smaller: what they multiply to is smaller by its square.
    package func bytes(dividedBy divisor: Int) -> [UInt8] { archive(BombSize(divisor: divisor)) }
    /// The same with counts and lengths a few hundred times smaller: where a mutation starts.
    package var seed: [UInt8] { archive(BombSize(divisor: 400)) }

    package static let all =
        archives + chains + descriptors + disks + partitions + references + texts + words
}

/// How large a bomb is made.
package struct BombSize: Sendable {
    let divisor: Int

    /// A count or a length, which is `full` at full size.
    func callAsFunction(_ full: Int) -> Int { max(3, full / divisor) }
}

extension TarBuilder {
    /// An archive of one descriptor and, behind it, what `add` adds.
    static func package(_ descriptor: String, _ add: (inout TarBuilder) -> Void = { _ in }) -> [UInt8] {
        var tar = TarBuilder()
        tar.add("x.ovf", Array(descriptor.utf8))
        add(&tar)
        tar.finish()
        return tar.bytes
    }

    /// The same member many times over; built once, since a header's checksum takes its time.
    mutating func add(_ count: Int, times build: (inout TarBuilder) -> Void) {
        var one = TarBuilder()
        build(&one)
        for _ in 0..<count { append(one) }
    }
}

/// A descriptor, put together of its parts.
struct BombDescriptor {
    var namespaces = ""
    var files = ""
    var disks = ""
    /// Behind the DiskSection.
    var sections = ""

    static let controller = """
        <Item><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceType>6</rasd:ResourceType></Item>
        """

    var text: String {
        """
        <?xml version="1.0"?>
        <Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" \
        xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="urn:rasd" \(namespaces)>
        <References>\(files)</References><DiskSection>\(disks)</DiskSection>\(sections)</Envelope>
        """
    }

    /// A descriptor of one disk and nothing else.
    static let plain = BombDescriptor(disks: "<Disk ovf:diskId=\"d\" ovf:capacity=\"512\"/>").text
}
