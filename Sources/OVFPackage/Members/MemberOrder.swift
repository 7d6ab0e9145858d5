// The order of an archive's members: readers at random do without it, importers of streams do not.
// SPDX-License-Identifier: Apache-2.0

/// Where the standard wants each member of an archive.
/// Spec: DSP0243 2.1, 5.3 "Distribution as a single file".
enum MemberOrder {
    /// Reports the first member that is not where the standard has it: the manifest and the certificate before
    /// or behind all files, the files in the order of the References.
    ///
    /// `referenced` are the members of the References, in that order.
    static func check(of referenced: [Int], in package: OVFPackage, _ log: inout WarningLog) {
        guard package.container != .folder else { return }
        let roles = Set(package.roleIndices)
        var seen: Set<Int> = []
        let files = referenced.filter { !roles.contains($0) && seen.insert($0).inserted }
        func name(_ index: Int) -> String { "\"\(String(displaying: package.members[index].path))\"" }
        if let (earlier, later) = zip(files, files.dropFirst()).first(where: { $0 > $1 }) {
            log.add(
                .memberOrder,
                "\(name(later)) is stored before \(name(earlier)), and the References list it after")
        }
        guard let first = files.min(), let last = files.max() else { return }
        for index in [package.roles.manifest, package.roles.certificate].compactMap({ $0 })
        where index > first && index < last {
            log.add(.memberOrder, "\(name(index)) is stored between the files, not before or after them")
        }
    }
}
