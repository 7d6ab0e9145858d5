// The disks of a package whose descriptor says nothing: what its members are by their content.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage

extension PackageOpener {
    /// Without a descriptor: every member that is a disk image by its content, or a raw disk by its name.
    mutating func disksByContent() -> [ApplianceDisk] {
        var disks: [ApplianceDisk] = []
        for index in package.members.indices {
            let member = package.members[index]
            guard isDisk(member) else { continue }
            let name = String(displaying: member.path)
            var warnings: [PackageWarning] = []
            let content: ApplianceDisk.Content
            do throws(ReadError) {
                let guest = try guestDisk(ofMember: index, named: name)
                warnings = guest.findings
                content = .decoded(guest)
            } catch {
                noteLoss(error)
                content = .unreadable(reason: error.description)
            }
            disks.append(
                ApplianceDisk(
                    identifier: name, storedName: member.path, storedByteCount: member.byteCount,
                    modificationTime: member.modificationTime, content: content, memberIndices: [index],
                    stored: member.source, warnings: warnings, rawPath: nil))
        }
        return disks
    }

    private mutating func isDisk(_ member: PackageMember) -> Bool {
        do throws(ReadError) {
            guard let format = try DiskImageOpener.recognise(member.source) else {
                // What has no mark may be anything.
                return RawName.isOfRawDisk(member.path) && member.byteCount > 0
            }
            return format.isDiskImage
        } catch {
            noteLoss(error)
            return false
        }
    }

    /// The disk image that is a member by itself, opened once for all its names.
    private mutating func guestDisk(ofMember index: Int, named name: String) throws(ReadError) -> GuestDisk {
        let member = package.members[index]
        let places = [member.storedPlace(at: index)]
        if let known = opened[places] { return try known.get() }
        do throws(ReadError) {
            let guest = try resources.open(
                member.source, named: name, key: member.storedPlace(at: index).key,
                options: .init(lenient: true, budget: resources.budget),
                neighbours: neighbours.neighbours(ofMember: index))
            opened[places] = .success(guest)
            return guest
        } catch {
            opened[places] = .failure(error)
            throw error
        }
    }
}
