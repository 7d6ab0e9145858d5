// A package that is a folder: the descriptor and the files that it names, and no others.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
package import SystemPackage

extension OVFPackage {
    /// Opens the package of the folder at `path`; see `init(folder:descriptorName:)`. Symbolic links that stay
    /// inside of the folder are followed where `followsLinks`.
    package init(
        folder path: FilePath, descriptorName: [UInt8]? = nil, followsLinks: Bool = false,
        budget: OpeningBudget = OpeningBudget()
    ) throws(ReadError) {
        try self.init(
            folder: PackageFolder(path: path, followsLinks: followsLinks),
            descriptorName: descriptorName, budget: budget)
    }

    /// Opens the package of a folder. Files that neither the descriptor nor the manifest names are not opened.
    ///
    /// `descriptorName` is the descriptor's name in the folder; without one, the folder has exactly one `*.ovf`.
    /// - Throws: `ReadError` where there is no descriptor, or several to choose from.
    package init(
        folder: PackageFolder, descriptorName: [UInt8]? = nil, budget: OpeningBudget = OpeningBudget()
    ) throws(ReadError) {
        var contents = FolderContents(folder, budget: budget)
        try contents.list([])
        let descriptor = try contents.descriptorName(descriptorName)
        try contents.openDescriptor(descriptor)
        let base = descriptor.prefix(upTo: descriptor.lastIndex(of: UInt8(ascii: ".")) ?? descriptor.endIndex)
        for suffix in ["mf", "cert"] {
            for name in contents.companions(of: Array(base), suffix) { try contents.open([name]) }
        }
        let draft = OVFPackage(
            members: contents.members, skipped: contents.skipped, container: .folder, warnings: [],
            damage: nil)
        contents.allowsOtherFolders = !draft.hasManifest
        // What is parsed here is parsed again when the package is opened, and not kept until then.
        let scratch = OpeningBudget(byteLimit: budget.byteLimit - min(budget.byteLimit, budget.usedByteCount))
        let files =
            draft.descriptor.flatMap {
                try? EnvelopeParser(reading: $0.source, budget: scratch).envelope.files
            } ?? []
        var hrefs: Set<ByteString> = []
        for file in files where hrefs.insert(ByteString(file.href)).inserted { try contents.openFile(file) }
        let listed =
            draft.manifest.flatMap { try? Manifest(reading: $0.source, budget: scratch).entries } ?? []
        for entry in listed { try contents.openListed(entry.name) }
        contents.names.reportNormalizing(&contents.log)
        self.init(
            members: contents.members, skipped: contents.skipped, container: .folder,
            warnings: contents.log.warnings, damage: nil, normalizationWork: contents.normalizationWork)
    }
}
