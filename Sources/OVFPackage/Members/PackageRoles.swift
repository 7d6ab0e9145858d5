// Which members of a package are its descriptor, its manifest and its certificate.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The members with a part to play, as indices of the package's list.
struct PackageRoles {
    let descriptor: Int?
    let manifest: Int?
    let certificate: Int?
    /// What would be the manifest, and is no file that can be opened: then none is.
    let refusedManifest: SkippedMember?
    /// What would be the certificate, and is no file that can be opened: then none is.
    let refusedCertificate: SkippedMember?

    /// Spec: DSP0243, 5.1 "OVF package structure": the manifest and the certificate have the descriptor's base name.
    init(among members: [PackageMember], _ skipped: [SkippedMember], _ log: inout WarningLog) {
        let descriptors = members.indices.filter { Self.isCandidate(members[$0], for: "ovf") }
        descriptor = descriptors.first
        guard let descriptor else {
            manifest = nil
            certificate = nil
            refusedManifest = nil
            refusedCertificate = nil
            log.add(.descriptorMissing, "no member is named *.ovf")
            return
        }
        let name = String(displaying: members[descriptor].path)
        if descriptors.count > 1 {
            log.add(
                .descriptorSeveral, "\(descriptors.count) members are named *.ovf: \"\(name)\" is the first")
        }
        if members[descriptor].location != nil,
            members.indices.first(where: { !Self.isForeign(members[$0]) }) != descriptor
        {
            log.add(
                .descriptorNotFirst, "\"\(name)\" is not the first member: it cannot be imported as a stream")
        }
        (manifest, refusedManifest) = Self.companion(
            of: descriptor, named: "mf", among: members, skipped, &log)
        (certificate, refusedCertificate) = Self.companion(
            of: descriptor, named: "cert", among: members, skipped, &log)
        if manifest == nil, refusedManifest == nil {
            log.add(.manifestMissing, "there is no manifest: nothing can be checked")
        }
    }

    /// The file of the descriptor's base name; else the only one of that kind beside it. One that cannot be opened
    /// counts, too: no other takes its place. A folder of that name is nobody's manifest.
    private static func companion(
        of descriptor: Int, named suffix: String, among members: [PackageMember], _ skipped: [SkippedMember],
        _ log: inout WarningLog
    ) -> (index: Int?, refused: SkippedMember?) {
        let (folder, base) = split(members[descriptor].normalizedPath)
        let refused = skipped.filter {
            // Most names are not looked at further.
            guard $0.kind != .folder, hasSuffix($0.path, suffix) else { return false }
            let path = MemberPath($0.path)
            let plain = path.normalized
            let (folderOfIt, base) = split(plain)
            return path.isReferable && !base.isEmpty && folderOfIt == folder && !base.starts(with: "._".utf8)
        }
        let beside = members.indices.filter {
            isCandidate(members[$0], for: suffix) && split(members[$0].normalizedPath).folder == folder
        }
        if let exact = beside.first(where: { split(members[$0].normalizedPath).base == base }) {
            return (exact, nil)
        }
        if let exact = refused.first(where: { split(MemberPath($0.path).normalized).base == base }) {
            return (nil, exact)
        }
        guard beside.count == 1, let only = beside.first else {
            return (nil, beside.isEmpty ? refused.first : nil)
        }
        log.add(
            .manifestName,
            "\"\(String(displaying: members[only].path))\" does not have the descriptor's base name")
        return (only, nil)
    }

    /// Folder and base name of a path.
    private static func split(_ path: [UInt8]) -> (folder: ArraySlice<UInt8>, base: ArraySlice<UInt8>) {
        let nameStart = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        let name = path[nameStart...]
        return (path[..<nameStart], name[..<(name.lastIndex(of: UInt8(ascii: ".")) ?? name.endIndex)])
    }

    /// Whether a member may be the descriptor, or what `suffix` says. Case is ignored.
    static func isCandidate(_ member: PackageMember, for suffix: String) -> Bool {
        member.isReferable && !isForeign(member) && hasSuffix(member.name, suffix)
    }

    /// Whether a name ends in a dot and `suffix`, case ignored, after at least one byte.
    static func hasSuffix(_ name: [UInt8], _ suffix: String) -> Bool {
        name.count > suffix.utf8.count + 1
            && name.suffix(suffix.utf8.count + 1).map(\.lowercasedASCII).elementsEqual(".\(suffix)".utf8)
    }

    /// What macOS adds to archives: files of attributes whose names look like the real ones.
    private static func isForeign(_ member: PackageMember) -> Bool {
        isForeign(member.name)
            || member.components.contains { $0.elementsEqual("__MACOSX".utf8) }
    }

    static func isForeign(_ name: [UInt8]) -> Bool { name.starts(with: "._".utf8) }
}
