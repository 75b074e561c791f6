// A Vulkan layer: prints what the driver's compiler says about each compute pipeline, on stderr. It asks for the statistics
// and the assembly by VK_KHR_pipeline_executable_properties, which neither wgpu nor Dawn does.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>
#include <vulkan/vk_layer.h>

static PFN_vkGetInstanceProcAddr next_instance_function;
static PFN_vkGetDeviceProcAddr next_device_function;
static VkInstance instance;
static PFN_vkCreateComputePipelines create_compute_pipelines;
static PFN_vkGetPipelineExecutablePropertiesKHR get_executables;
static PFN_vkGetPipelineExecutableStatisticsKHR get_statistics;
static PFN_vkGetPipelineExecutableInternalRepresentationsKHR get_representations;

static void print_statistics(VkDevice device, const VkPipelineExecutableInfoKHR *executable) {
    uint32_t count = 0;
    get_statistics(device, executable, &count, NULL);
    VkPipelineExecutableStatisticKHR *all = calloc(count, sizeof *all);
    for (uint32_t i = 0; i < count; i++) all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
    get_statistics(device, executable, &count, all);
    for (uint32_t i = 0; i < count; i++) {
        fprintf(stderr, "@statistic %s=", all[i].name);
        switch (all[i].format) {
        case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR: fprintf(stderr, "%u\n", all[i].value.b32); break;
        case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR: fprintf(stderr, "%lld\n", (long long)all[i].value.i64); break;
        case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR: fprintf(stderr, "%llu\n", (unsigned long long)all[i].value.u64); break;
        default: fprintf(stderr, "%g\n", all[i].value.f64);
        }
    }
    free(all);
}

static void print_assembly(VkDevice device, const VkPipelineExecutableInfoKHR *executable) {
    uint32_t count = 0;
    get_representations(device, executable, &count, NULL);
    VkPipelineExecutableInternalRepresentationKHR *all = calloc(count, sizeof *all);
    for (uint32_t i = 0; i < count; i++) all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR;
    get_representations(device, executable, &count, all);
    for (uint32_t i = 0; i < count; i++) all[i].pData = malloc(all[i].dataSize);
    get_representations(device, executable, &count, all);
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].isText && strstr(all[i].name, "Assembly")) fprintf(stderr, "@assembly\n%.*s\n@end\n", (int)all[i].dataSize, (char *)all[i].pData);
        free(all[i].pData);
    }
    free(all);
}

static VkResult VKAPI_CALL CreateComputePipelines(VkDevice device, VkPipelineCache cache, uint32_t count,
        const VkComputePipelineCreateInfo *infos, const VkAllocationCallbacks *allocator, VkPipeline *pipelines) {
    VkComputePipelineCreateInfo *captured = malloc(count * sizeof *captured);
    memcpy(captured, infos, count * sizeof *captured);
    for (uint32_t i = 0; i < count; i++)
        captured[i].flags |= VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR | VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR;
    VkResult result = create_compute_pipelines(device, cache, count, captured, allocator, pipelines);
    free(captured);
    for (uint32_t i = 0; result == VK_SUCCESS && i < count; i++) {
        VkPipelineInfoKHR pipeline = {VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, NULL, pipelines[i]};
        uint32_t executables = 0;
        get_executables(device, &pipeline, &executables, NULL);
        // A driver may list what comes before the program itself, which is last.
        VkPipelineExecutableInfoKHR last = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, NULL, pipelines[i], executables - 1};
        if (executables == 0) continue;
        print_statistics(device, &last);
        print_assembly(device, &last);
    }
    return result;
}

// The chain of layers that the loader passes on.
#define LINK(type, structure, info) \
    type *link = (type *)(info)->pNext; \
    while (link && !(link->sType == structure && link->function == VK_LAYER_LINK_INFO)) link = (type *)link->pNext; \
    if (!link) return VK_ERROR_INITIALIZATION_FAILED;

static VkResult VKAPI_CALL CreateDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
        const VkAllocationCallbacks *allocator, VkDevice *device) {
    LINK(VkLayerDeviceCreateInfo, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO, info)
    PFN_vkCreateDevice create = (PFN_vkCreateDevice)link->u.pLayerInfo->pfnNextGetInstanceProcAddr(instance, "vkCreateDevice");
    next_device_function = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;

    const char **extensions = malloc((info->enabledExtensionCount + 1) * sizeof *extensions);
    memcpy(extensions, info->ppEnabledExtensionNames, info->enabledExtensionCount * sizeof *extensions);
    extensions[info->enabledExtensionCount] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR feature = {
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, (void *)info->pNext, VK_TRUE};
    VkDeviceCreateInfo more = *info;
    more.pNext = &feature;
    more.enabledExtensionCount++;
    more.ppEnabledExtensionNames = extensions;
    VkResult result = create(physical, &more, allocator, device);
    free(extensions);
    if (result != VK_SUCCESS) return result;
    create_compute_pipelines = (PFN_vkCreateComputePipelines)next_device_function(*device, "vkCreateComputePipelines");
    get_executables = (PFN_vkGetPipelineExecutablePropertiesKHR)next_device_function(*device, "vkGetPipelineExecutablePropertiesKHR");
    get_statistics = (PFN_vkGetPipelineExecutableStatisticsKHR)next_device_function(*device, "vkGetPipelineExecutableStatisticsKHR");
    get_representations = (PFN_vkGetPipelineExecutableInternalRepresentationsKHR)next_device_function(*device, "vkGetPipelineExecutableInternalRepresentationsKHR");
    return VK_SUCCESS;
}

static VkResult VKAPI_CALL CreateInstance(const VkInstanceCreateInfo *info, const VkAllocationCallbacks *allocator, VkInstance *made) {
    LINK(VkLayerInstanceCreateInfo, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO, info)
    next_instance_function = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
    link->u.pLayerInfo = link->u.pLayerInfo->pNext;
    VkResult result = ((PFN_vkCreateInstance)next_instance_function(NULL, "vkCreateInstance"))(info, allocator, made);
    if (result == VK_SUCCESS) instance = *made;
    return result;
}

static PFN_vkVoidFunction VKAPI_CALL GetDeviceProcAddr(VkDevice device, const char *name) {
    if (!strcmp(name, "vkGetDeviceProcAddr")) return (PFN_vkVoidFunction)GetDeviceProcAddr;
    if (!strcmp(name, "vkCreateComputePipelines")) return (PFN_vkVoidFunction)CreateComputePipelines;
    return next_device_function(device, name);
}

static PFN_vkVoidFunction VKAPI_CALL GetInstanceProcAddr(VkInstance of, const char *name) {
    if (!strcmp(name, "vkGetInstanceProcAddr")) return (PFN_vkVoidFunction)GetInstanceProcAddr;
    if (!strcmp(name, "vkGetDeviceProcAddr")) return (PFN_vkVoidFunction)GetDeviceProcAddr;
    if (!strcmp(name, "vkCreateInstance")) return (PFN_vkVoidFunction)CreateInstance;
    if (!strcmp(name, "vkCreateDevice")) return (PFN_vkVoidFunction)CreateDevice;
    if (!strcmp(name, "vkCreateComputePipelines")) return (PFN_vkVoidFunction)CreateComputePipelines;
    return next_instance_function ? next_instance_function(of, name) : NULL;
}

__attribute__((visibility("default"))) VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(VkNegotiateLayerInterface *layer) {
    layer->pfnGetInstanceProcAddr = GetInstanceProcAddr;
    layer->pfnGetDeviceProcAddr = GetDeviceProcAddr;
    layer->pfnGetPhysicalDeviceProcAddr = NULL;
    if (layer->loaderLayerInterfaceVersion > 2) layer->loaderLayerInterfaceVersion = 2;
    return VK_SUCCESS;
}
