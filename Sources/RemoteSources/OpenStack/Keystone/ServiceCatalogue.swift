// The services of a cloud, as Keystone lists them.
// SPDX-License-Identifier: Apache-2.0

/// Which services there are, and where.
/// Spec: Identity API v3, "Service catalog and endpoints".
struct ServiceCatalogue: Sendable, Equatable {
    struct Endpoint: Sendable, Equatable {
        let interface: String
        let region: String?
        /// As it is listed.
        let address: String
    }

    /// The addresses of the image services, in the catalogue's order.
    private(set) var imageEndpoints: [Endpoint] = []
    /// The types of all services, for messages.
    private(set) var serviceTypes: [String] = []

    /// Nil where Keystone listed none: the token is for no project.
    init?(_ value: JSONValue?) {
        guard let services = value?.array, !services.isEmpty else { return nil }
        for service in services {
            guard let type = service.object?["type"]?.string else { continue }
            serviceTypes.append(type)
            guard type.utf8.elementsEqual("image".utf8) else { continue }
            for endpoint in service.object?["endpoints"]?.array ?? [] {
                guard let object = endpoint.object, let interface = object["interface"]?.string,
                    let address = object["url"]?.string
                else { continue }
                imageEndpoints.append(
                    Endpoint(
                        interface: interface, region: (object["region_id"] ?? object["region"])?.string,
                        address: address))
            }
        }
    }

    /// The image service's address: of the first interface that has one, in the region, or in the first.
    func imageEndpoint(of configuration: CloudsConfiguration) throws(OpenStackError) -> WebAddress {
        for interface in configuration.interfaces {
            let endpoint = imageEndpoints.first { endpoint in
                guard endpoint.interface.utf8.elementsEqual(interface.utf8) else { return false }
                guard let region = configuration.region else { return true }
                return endpoint.region?.utf8.elementsEqual(region.utf8) == true
            }
            guard let endpoint else { continue }
            do throws(AddressError) {
                return try ServiceAddress.base(of: WebAddress(endpoint.address))
            } catch {
                throw OpenStackError(
                    .malformed,
                    "the catalogue of \(configuration.shownName) has no usable address of the image service: "
                        + "\(error)")
            }
        }
        throw none(for: configuration)
    }

    private func none(for configuration: CloudsConfiguration) -> OpenStackError {
        guard !imageEndpoints.isEmpty else {
            let types = serviceTypes.prefix(20).map { ServiceText.quotable($0, upTo: 40) }.joined(
                separator: ", ")
            return OpenStackError(
                .settings,
                "the catalogue of \(configuration.shownName) has no image service, only \(types); "
                    + "set image_endpoint_override where there is one all the same")
        }
        let wanted =
            configuration.interfaces.joined(separator: " or ")
            + (configuration.region.map { " in the region \(ServiceText.quotable($0))" } ?? "")
        let known = imageEndpoints.prefix(20).map { endpoint in
            ServiceText.quotable(endpoint.interface, upTo: 20)
                + (endpoint.region.map { " in \(ServiceText.quotable($0, upTo: 60))" } ?? "")
        }
        return OpenStackError(
            .settings,
            "the catalogue of \(configuration.shownName) has no image service that is \(wanted); it has "
                + known.joined(separator: ", "))
    }
}

extension CloudsConfiguration {
    /// The cloud, for messages.
    var shownName: String {
        cloudName == Self.variablesName ? "the \(cloudName)" : "cloud \(ServiceText.quotable(cloudName))"
    }
}
