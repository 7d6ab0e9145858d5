// Builds descriptors for tests, in the dialect that a test asks for.
// SPDX-License-Identifier: Apache-2.0

@testable import OVFPackage

/// The text of a descriptor, put together from its sections.
struct EnvelopeBuilder {
    var namespace = "http://schemas.dmtf.org/ovf/envelope/1"
    var files = "<File ovf:id=\"file1\" ovf:href=\"disk1.vmdk\"/>"
    var disks = "<Disk ovf:diskId=\"vmdisk1\" ovf:fileRef=\"file1\" ovf:capacity=\"1024\"/>"
    /// Sections beside References and DiskSection.
    var sections = ""
    var items = ""
    var systemSections = ""
    /// Replaces the one virtual system.
    var content: String?

    var text: String {
        """
        <?xml version="1.0"?>
        <Envelope xmlns="\(namespace)" xmlns:ovf="\(namespace)" xmlns:rasd="urn:rasd" xmlns:vssd="urn:vssd"
          xmlns:vmw="http://www.vmware.com/schema/ovf" xmlns:xenovf="http://schemas.citrix.com/ovf/envelope/1"
          xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:gnt="http://ganeti">
        <References>\(files)</References>
        <DiskSection><Info/>\(disks)</DiskSection>
        \(sections)
        \(content ?? system("vm", items, systemSections))
        </Envelope>
        """
    }

    func system(_ id: String, _ items: String, _ sections: String = "") -> String {
        """
        <VirtualSystem ovf:id="\(id)"><Info/><Name>\(id)</Name>\(sections)
        <VirtualHardwareSection><Info/>\(items)</VirtualHardwareSection></VirtualSystem>
        """
    }

    /// An item with the elements given.
    static func item(_ elements: KeyValuePairs<String, String>, attributes: String = "", tag: String = "Item")
        -> String
    {
        let body = elements.map { "<rasd:\($0)>\($1)</rasd:\($0)>" }.joined()
        return "<\(tag) \(attributes)>\(body)</\(tag)>"
    }

    static func disk(_ resource: String, id: Int = 10, parent: Int? = nil, unit: Int? = nil) -> String {
        var elements = "<rasd:InstanceID>\(id)</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType>"
        elements += "<rasd:HostResource>\(resource)</rasd:HostResource>"
        if let parent { elements += "<rasd:Parent>\(parent)</rasd:Parent>" }
        if let unit { elements += "<rasd:AddressOnParent>\(unit)</rasd:AddressOnParent>" }
        return "<Item>\(elements)</Item>"
    }

    static func controller(_ type: Int, id: Int, address: Int? = nil, subtype: String = "") -> String {
        var elements =
            "<rasd:InstanceID>\(id)</rasd:InstanceID><rasd:ResourceType>\(type)</rasd:ResourceType>"
        if let address { elements += "<rasd:Address>\(address)</rasd:Address>" }
        if !subtype.isEmpty { elements += "<rasd:ResourceSubType>\(subtype)</rasd:ResourceSubType>" }
        return "<Item>\(elements)</Item>"
    }

    func parse() throws(DescriptorError) -> EnvelopeParser { try EnvelopeParser(parsing: Array(text.utf8)) }
    func envelope() throws(DescriptorError) -> Envelope { try parse().envelope }
}

extension EnvelopeParser {
    var codes: [PackageWarning.Code] { warnings.map(\.code) }
}
