// A descriptor as large as the largest real ones, made here.
// SPDX-License-Identifier: Apache-2.0

/// One virtual system with a controller, many disks and network adapters, and properties, as exporters spell them.
enum GeneratedDescriptor {
    private static let diskCount = 8
    private static let networkCount = 12
    private static let propertyCount = 12

    static func bytes() -> [UInt8] {
        let files = (1...diskCount).map {
            "<File ovf:id=\"file\($0)\" ovf:href=\"appliance-disk\($0).vmdk\" ovf:size=\"\($0)00000\"/>"
        }
        let disks = (1...diskCount).map {
            "<Disk ovf:diskId=\"vmdisk\($0)\" ovf:fileRef=\"file\($0)\" ovf:capacity=\"\($0)\" "
                + "ovf:capacityAllocationUnits=\"byte * 2^30\" ovf:format=\"\(format)\"/>"
        }
        let diskItems = (1...diskCount).map {
            item(
                10 + $0, 17, "ovf:/disk/vmdisk\($0)",
                "<rasd:Parent>3</rasd:Parent>"
                    + "<rasd:AddressOnParent>\($0)</rasd:AddressOnParent>")
        }
        let networks = (1...networkCount).map {
            item(
                40 + $0, 10, nil,
                "<rasd:Connection>network</rasd:Connection>"
                    + "<rasd:ResourceSubType>VmxNet3</rasd:ResourceSubType>")
        }
        let properties = (1...propertyCount).map {
            "<Property ovf:key=\"setting\($0)\" ovf:type=\"string\" ovf:value=\"\($0)\" "
                + "ovf:userConfigurable=\"true\"><Label>Setting \($0)</Label>"
                + "<Description>What setting \($0) of this appliance is for.</Description></Property>"
        }
        let items = [
            item(1, 3, nil, "<rasd:VirtualQuantity>4</rasd:VirtualQuantity>"),
            item(
                2, 4, nil,
                "<rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits>"
                    + "<rasd:VirtualQuantity>8192</rasd:VirtualQuantity>"),
            item(
                3, 6, nil,
                "<rasd:ResourceSubType>VirtualSCSI</rasd:ResourceSubType><rasd:Address>0</rasd:Address>"),
        ]
        let hardware = (items + diskItems + networks).joined(separator: "\n      ")
        return Array(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <Envelope xmlns="\(namespace)/envelope/1" xmlns:ovf="\(namespace)/envelope/1" xmlns:rasd="\(settings)">
              <References>\(files.joined(separator: "\n    "))</References>
              <DiskSection><Info>Disks</Info>\(disks.joined(separator: "\n    "))</DiskSection>
              <NetworkSection><Info>Networks</Info><Network ovf:name="network"/></NetworkSection>
              <VirtualSystem ovf:id="appliance">
                <Info>A machine</Info>
                <Name>appliance</Name>
                <VirtualHardwareSection>
                  <Info>Hardware</Info>
                  \(hardware)
                </VirtualHardwareSection>
                <ProductSection><Info>Product</Info><Product>Appliance</Product>
                  \(properties.joined(separator: "\n      "))
                </ProductSection>
              </VirtualSystem>
            </Envelope>
            """.utf8)
    }

    private static let namespace = "http://schemas.dmtf.org/ovf"
    private static let settings =
        "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
    private static let format = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"

    private static func item(_ number: Int, _ type: Int, _ host: String?, _ rest: String) -> String {
        "<Item><rasd:ElementName>Element \(number)</rasd:ElementName>"
            + (host.map { "<rasd:HostResource>\($0)</rasd:HostResource>" } ?? "")
            + "<rasd:InstanceID>\(number)</rasd:InstanceID>\(rest)<rasd:ResourceType>\(type)</rasd:ResourceType></Item>"
    }
}
