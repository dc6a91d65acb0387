import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { whenLoggedOut } from "./api/client";
import { retryUnlessRefused } from "./api/queries";
import { makeRouter } from "./router";
import { applyTheme } from "./shell/theme";
import "./theme.css";
import "./pages.css";

applyTheme();
const queries = new QueryClient({
  defaultOptions: {
    queries: { retry: retryUnlessRefused, retryDelay: (n) => Math.min(500 * 2 ** n, 4000), staleTime: 2000, networkMode: "always" },
    mutations: { networkMode: "always" },
  },
});
const router = makeRouter(queries);
whenLoggedOut(() => {
  const { pathname, href } = router.state.location;
  if (pathname !== "/login" && pathname !== "/setup") void router.navigate({ to: "/login", search: { to: href } });
});
const room = document.getElementById("root");
if (room) {
  createRoot(room).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
