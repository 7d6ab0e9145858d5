// Which files an appliance is read from.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The files behind the sources that an appliance is opened from.
struct OpenedFiles {
    /// Nil where a source is no file of the local system.
    private(set) var numbers: Set<FileNumber>? = []

    init(_ sources: [any ByteSource]) {
        for source in sources { add(source) }
    }

    mutating func add(_ source: any ByteSource) {
        guard let file = source as? LocalFile else {
            numbers = nil
            return
        }
        numbers?.insert(file.number)
    }

    /// `appliance`, which knows them then, and those that its disks led to.
    func noted(in appliance: Appliance, _ resources: DiskResources) -> Appliance {
        var appliance = appliance
        appliance.openedFiles = numbers?.union(resources.noted)
        return appliance
    }
}
