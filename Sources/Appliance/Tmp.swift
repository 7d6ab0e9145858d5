import ByteSources
import OVFPackage
extension Appliance {
    static func open(archive: any ByteSource, named: [UInt8], options: ApplianceOptions, resources: DiskResources) throws(ApplianceError) -> Appliance { throw ApplianceError(.damaged, "x") }
    static func open(folder: PackageFolder, descriptorName: [UInt8], options: ApplianceOptions, resources: DiskResources) throws(ApplianceError) -> Appliance { throw ApplianceError(.damaged, "x") }
}
extension PackageFolder { package static func isDescriptorName(_ n: [UInt8]) -> Bool { n.suffix(4).elementsEqual(".ovf".utf8) } }
